"""A scatter plot of the latents in which a reader can point at images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from fmclust.plots import spans_plane
from fmclust.reports.pages.clustered import Clustered
from fmclust.reports.pages.sprite import Sprite

CLASS = "class/"  # no clusterer has this name


def plane_of(
    latents: NDArray[Any],
    images: Sequence[str],
    found: Sequence[Clustered],
    sprite: Sprite,
    class_names: Sequence[str],
) -> dict[str, Any] | None:
    """Return the data of the scatter plot, or None if the latents can't be drawn in a plane.

    Args:
        latents: float array of shape (n, d), of the thumbnails.
        images: A name for each thumbnail.
        found: The clusterings.
        sprite: The picture whose first images are the thumbnails.
        class_names: A name for every class; empty without labels.
    """
    if not spans_plane(latents):
        return None
    pca = PCA(2, random_state=0).fit(latents)
    points = pca.transform(latents)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = ((points - low) / np.maximum(high - low, 1e-9)).T.round(4).tolist()
    colourings = [(made.name, f"cluster by {made.name}") for made in found]
    groups = {made.name: made.shown.clusters.tolist() for made in found}
    names = {made.name: {i: made.title(i) for i in sorted({*groups[made.name]})} for made in found}
    if (classes := found[0].shown.classes) is not None:
        colourings.append((CLASS, "class"))
        groups[CLASS] = classes.tolist()
        occurring = sorted({*groups[CLASS]})
        names[CLASS] = {cls: class_names[cls] if cls >= 0 else "no label" for cls in occurring}
    data = {
        "x": x,
        "y": y,
        "groups": groups,
        "names": {key: list(of_group.items()) for key, of_group in names.items()},
        "descriptions": _descriptions(images, found, groups, names),
        "sprite": {"columns": sprite.columns, "width": sprite.width, "height": sprite.height},
    }
    share = f"{pca.explained_variance_ratio_.sum():.0%}"
    return {"count": f"{len(latents):,}", "share": share, "colourings": colourings, "data": data}


def _descriptions(
    images: Sequence[str],
    found: Sequence[Clustered],
    groups: dict[str, list[int]],
    names: dict[str, dict[int, str]],
) -> list[str]:
    """Return a text for every thumbnail: its name, class and clusters."""
    columns = [[*images]]
    if CLASS in groups:
        texts = [f"{'class ' * (cls >= 0)}{names[CLASS][cls]}" for cls in groups[CLASS]]
        columns.append(texts)
    for made in found:
        texts = [f"{made.name}: {names[made.name][cluster]}" for cluster in groups[made.name]]
        if (probability := made.shown.probability) is not None:
            pairs = zip(texts, probability, strict=True)
            texts = [f"{text} (probability {p:.2f})" for text, p in pairs]
        columns.append(texts)
    return ["; ".join(parts) for parts in zip(*columns, strict=True)]
