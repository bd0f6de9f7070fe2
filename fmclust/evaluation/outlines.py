"""The clusters among the latents: confidence ellipsoids of mixtures, circles of k-means."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from fmclust.clustering import Clustering, Shapes, shapes_of
from fmclust.plots import Plane, draw_outlines

CONFIDENCE = 0.95
REACH = -2 * np.log(1 - CONFIDENCE)  # squared Mahalanobis distance that holds it in a plane
SHOWN = 3000  # latents at most
PAIRS = 3  # of latents at most
MOST_LATENTS = 256  # beyond this they are pixels, of which two say nothing


def draw_clusters_in_planes(
    clusterings: Mapping[str, Clustering], latents: np.ndarray, split: str
) -> Figure | None:
    """Draws a row of planes for every clusterer that has centres; None if none has.

    The first plane is that of the two first principal components, in which a confidence ellipsoid
    and a sphere have an ellipse and a circle for a shadow; the others are of two latents each.

    Args:
        clusterings: By name.
        latents: float32 array of shape (N, d), d from 2 on.
        split: Whose latents.
    """
    chosen = slice(None, None, -(-len(latents) // SHOWN))
    rows = []
    for name, clustering in clusterings.items():
        clusters = clustering.clusters[split]
        shapes = shapes_of(clustering.estimator, latents, clusters)
        if shapes is None or latents.shape[1] < 2:
            continue
        kind = f"{CONFIDENCE:.0%} ellipses" if shapes.radii is None else "most distant member"
        rows.append(
            [
                Plane(
                    f"{name}: {kind}",
                    axes,
                    (shapes.latents[chosen] - origin) @ directions.T,
                    clusters[chosen],
                    (shapes.centres - origin) @ directions.T,
                    _shadows(shapes, directions),
                )
                for axes, origin, directions in _planes(shapes.latents)
            ]
        )
    return draw_outlines(rows, title=f"clusters in the latents of {split}") if rows else None


def _planes(latents: np.ndarray) -> list[tuple[tuple[str, str], np.ndarray, np.ndarray]]:
    """Names the axes of every plane, with its origin (d,) and two directions (2, d)."""
    n_latents = latents.shape[1]
    found = PCA(2, svd_solver="covariance_eigh").fit(latents)
    shares = found.explained_variance_ratio_
    names = tuple(f"principal component {i} ({shares[i - 1]:.0%})" for i in (1, 2))
    planes = [((names[0], names[1]), found.mean_, found.components_)]
    if n_latents <= MOST_LATENTS:
        for first in range(0, min(2 * PAIRS, n_latents - 1), 2):
            pair = np.eye(n_latents)[[first, first + 1]]
            planes.append(((f"latent {first}", f"latent {first + 1}"), np.zeros(n_latents), pair))
    return planes


def _shadows(shapes: Shapes, directions: np.ndarray) -> np.ndarray:
    if shapes.covariances is not None:
        return REACH * (directions @ shapes.covariances @ directions.T)
    assert shapes.radii is not None
    return shapes.radii[:, None, None] ** 2 * np.eye(2)
