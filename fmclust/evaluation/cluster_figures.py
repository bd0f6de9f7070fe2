"""Figures of a clustering: members of every cluster, decoded centres, clusters in planes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from torch import Tensor

from fmclust.clustering import NOISE, Clustering, Shapes, shapes_of
from fmclust.evaluation.labels import Labels
from fmclust.plots import Plane, draw_named_images, draw_outlines, draw_rows

SAMPLES = 16  # of a cluster
FIRST, COLUMNS = 30, 10  # images of the data set, and in a row
CONFIDENCE = 0.95
REACH = -2 * np.log(1 - CONFIDENCE)  # squared Mahalanobis distance that holds it in a plane
SHOWN = 3000  # latents at most
PAIRS = 3  # of latents at most
MAX_LATENTS = 256  # beyond this they are pixels, of which two say nothing


def draw_samples(
    clustering: Clustering,
    split: str,
    images: Tensor,
    matching: Mapping[int, int],
    labels: Labels,
    name: str,
) -> Figure:
    """Draws members of every cluster, evenly spaced in the order of the file.

    Args:
        clustering: Whose clusters.
        split: Whose images.
        images: uint8 tensor of shape (N, 1, H, W).
        matching: Cluster id to class; empty without labels.
        labels: For the names of the classes.
        name: The clusterer's.
    """
    clusters = clustering.clusters[split]
    members, names = [], []
    for cluster in [*range(clustering.n_clusters), *([NOISE] if (clusters < 0).any() else [])]:
        rows = np.flatnonzero(clusters == cluster)
        chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
        members.append(images[chosen, 0].numpy())
        names.append(f"{_named(cluster, matching, labels)}: {len(rows):,}")
    title = f"{name}, {split}: samples of every cluster and its size"
    return draw_rows(members, names, title=title, inches=0.45)


def draw_centres(
    centres: np.ndarray, matching: Mapping[int, int], labels: Labels, name: str
) -> Figure:
    """Draws what the centre of every cluster decodes to.

    Args:
        centres: uint8 array of shape (k, H, W).
        matching: Cluster id to class; empty without labels.
        labels: For the names of the classes.
        name: The clusterer's.
    """
    names = [_named(cluster, matching, labels) for cluster in range(len(centres))]
    title = f"{name}: the centres of the clusters, decoded"
    return draw_named_images(centres, names, n_columns=COLUMNS, title=title)


def draw_first_images(images: Tensor, split: str, labels: Labels) -> Figure:
    """Draws the first images of a split, with the names of their classes if there are labels."""
    names = labels.named(split) or []
    title = f"the first images of {split}"
    return draw_named_images(
        images[:FIRST, 0].numpy(), names[:FIRST], n_columns=COLUMNS, title=title
    )


def _named(cluster: int, matching: Mapping[int, int], labels: Labels) -> str:
    if cluster == NOISE:
        return "noise"
    matched = f" ({labels.names[matching[cluster]]})" if cluster in matching else ""
    return f"{cluster}{matched}"


def draw_clusters_in_planes(
    clusterings: Mapping[str, Clustering], latents: np.ndarray, split: str
) -> Figure | None:
    """Draws a row of planes for every clusterer that has centres (section 1.3); None if none has.

    The first plane is that of the two first principal components, in which a confidence ellipsoid
    and a sphere have an ellipse and a circle for a shadow; the others are of two latents each. A
    circle holds as many members as an ellipsoid: the most distant one, to which the paper's
    reaches (section 4.3), is an outlier that hides the rest.

    Args:
        clusterings: By name.
        latents: float32 array of shape (N, d), d from 2 on.
        split: Whose latents.
    """
    rows = [
        planes
        for name, clustering in clusterings.items()
        if (planes := _planes_of(name, clustering, latents, clustering.clusters[split]))
    ]
    return draw_outlines(rows, title=f"clusters in the latents of {split}") if rows else None


def _planes_of(
    name: str, clustering: Clustering, latents: np.ndarray, clusters: np.ndarray
) -> list[Plane]:
    shapes = shapes_of(clustering.estimator, latents, clusters, share=CONFIDENCE)
    if shapes is None or min(shapes.latents.shape) < 2:
        return []
    kind = "ellipsoids" if shapes.radii is None else "circles"
    noun = "transformed latent" if isinstance(clustering.estimator, Pipeline) else "latent"
    chosen = slice(None, None, -(-len(latents) // SHOWN))
    return [
        Plane(
            f"{name}: {kind} of {CONFIDENCE:.0%}",
            view.axes,
            (shapes.latents[chosen] - view.origin) @ view.directions.T,
            clusters[chosen],
            (shapes.centres - view.origin) @ view.directions.T,
            _shadows(shapes, view.directions),
        )
        for view in _views(shapes.latents, noun)
    ]


@dataclass(frozen=True)
class _View:
    """A plane among the latents: the names of its axes, a point (d,), two directions (2, d)."""

    axes: tuple[str, str]
    origin: np.ndarray
    directions: np.ndarray


def _views(latents: np.ndarray, noun: str) -> Iterator[_View]:
    n_latents = latents.shape[1]
    found = PCA(2, svd_solver="covariance_eigh").fit(latents)
    first, second = (f"{share:.0%}" for share in found.explained_variance_ratio_)
    axes = (f"principal component 1 ({first})", f"principal component 2 ({second})")
    yield _View(axes, found.mean_, found.components_)
    if n_latents <= MAX_LATENTS:
        for i in range(0, min(2 * PAIRS, n_latents - 1), 2):
            pair = np.eye(n_latents)[[i, i + 1]]
            yield _View((f"{noun} {i}", f"{noun} {i + 1}"), np.zeros(n_latents), pair)


def _shadows(shapes: Shapes, directions: np.ndarray) -> np.ndarray:
    if shapes.covariances is not None:
        return REACH * (directions @ shapes.covariances @ directions.T)
    assert shapes.radii is not None
    return shapes.radii[:, None, None] ** 2 * np.eye(2)
