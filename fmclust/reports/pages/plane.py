"""The latents in a plane that a reader can point into."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from fmclust.reports.pages.clustered import Clustered
from fmclust.reports.pages.sprite import Sprite


def plane_of(
    latents: NDArray[Any],
    rows: NDArray[Any],
    found: Sequence[Clustered],
    sprite: Sprite,
    class_names: Sequence[str],
) -> dict[str, Any] | None:
    """Return what the template and its script draw; None where latents have no plane.

    Args:
        latents: float array of shape (n, d), of the thumbnails.
        rows: int64 array of shape (n,), their numbers in the split.
        found: What clustered them.
        sprite: Holds the thumbnails first.
        class_names: A name for every class; empty without labels.
    """
    if min(latents.shape) < 2:
        return None
    pca = PCA(2, svd_solver="covariance_eigh").fit(latents)
    points = pca.transform(latents)
    least, most = points.min(axis=0), points.max(axis=0)
    x, y = ((points - least) / np.maximum(most - least, 1e-9)).T.round(4).tolist()
    colourings = [(made.name, f"cluster by {made.name}") for made in found]
    groups = {made.name: made.shown_clusters.tolist() for made in found}
    named = {
        made.name: [(int(i), made.title(int(i))) for i in np.unique(made.shown_clusters)]
        for made in found
    }
    classes = found[0].shown_classes
    if classes is not None:
        colourings.append(("class/", "class"))  # no clusterer has this name
        groups["class/"] = classes.tolist()
        named["class/"] = list(enumerate(class_names))
    descriptions = [
        _description(number, row, found, None if classes is None else class_names[classes[number]])
        for number, row in enumerate(rows.tolist())
    ]
    sizes = {"columns": sprite.columns, "width": sprite.width, "height": sprite.height}
    return {
        "count": f"{len(latents):,}",
        "share": f"{pca.explained_variance_ratio_.sum():.0%}",
        "colourings": colourings,
        "data": {
            "x": x,
            "y": y,
            "groups": groups,
            "names": named,
            "descriptions": descriptions,
            "sprite": sizes,
        },
    }


def _description(number: int, row: int, found: Sequence[Clustered], class_name: str | None) -> str:
    parts = [f"image {row}"] + ([] if class_name is None else [f"class {class_name}"])
    for made in found:
        text = f"{made.name}: {made.title(int(made.shown_clusters[number]))}"
        if (probability := made.shown_probability) is not None:
            text += f" (probability {probability[number]:.2f})"
        parts.append(text)
    return "; ".join(parts)
