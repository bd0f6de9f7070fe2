"""Where clusters lie among the latents and how far they reach."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fmclust.clustering.estimators import estimator_of, seen_by, steps_before

CENTRES = ("cluster_centers_", "means_")
ROWS = 8192  # compared with their centres at once
FAR_QUANTILE = 0.999  # of what is fitted lies nearer than what is called far


@dataclass(frozen=True)
class Shapes:
    """The clusters of a mixture or of k-means, in the space that the estimator works in.

    Attributes:
        latents: float array of shape (N, d): after the steps before the estimator, if any.
        centres: Array of shape (k, d): a mixture's means.
        covariances: Of a mixture, shape (k, d, d); None for k-means.
        radii: Of k-means, shape (k,): how far from the centre a share of the members lies; None
            for a mixture.
    """

    latents: np.ndarray
    centres: np.ndarray
    covariances: np.ndarray | None = None
    radii: np.ndarray | None = None


def shapes_of(
    clusterer: Any, latents: np.ndarray, clusters: np.ndarray, *, share: float
) -> Shapes | None:
    """Returns the shapes of a fitted estimator's clusters; None if it has no centres.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one.
        latents: float32 array of shape (N, d).
        clusters: int64 array of shape (N,), what they are assigned to.
        share: Of the members of a cluster of k-means, those within its radius; 1 reaches the most
            distant one (the paper, section 4.3).
    """
    estimator, seen = estimator_of(clusterer), seen_by(clusterer, latents)
    if hasattr(estimator, "covariances_"):
        return Shapes(seen, estimator.means_, covariances=_whole_covariances(estimator))
    if hasattr(estimator, "cluster_centers_"):
        centres = estimator.cluster_centers_
        distances = _distances(seen, centres, clusters)
        members = (distances[clusters == cluster] for cluster in range(len(centres)))
        radii = [np.quantile(near, share) if len(near) else 0.0 for near in members]
        return Shapes(seen, centres, radii=np.array(radii))
    return None


def distances_to_centres(
    clusterer: Any, latents: np.ndarray, clusters: np.ndarray
) -> np.ndarray | None:
    """Returns how far latents are from the centres of their clusters, shape (N,); None without.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one: in its space.
        latents: float32 array of shape (N, d).
        clusters: int64 array of shape (N,), what they are assigned to.
    """
    centres = _own_centres(clusterer)
    return None if centres is None else _distances(seen_by(clusterer, latents), centres, clusters)


def _own_centres(clusterer: Any) -> np.ndarray | None:
    """Returns centres or means, shape (k, d), in the space of the estimator; None without."""
    estimator = estimator_of(clusterer)
    return next((getattr(estimator, name) for name in CENTRES if hasattr(estimator, name)), None)


def _distances(seen: np.ndarray, centres: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    distances = np.empty(len(seen))
    for start in range(0, len(seen), ROWS):
        rows = slice(start, start + ROWS)
        distances[rows] = np.linalg.norm(seen[rows] - centres[clusters[rows]], axis=1)
    return distances


def centres_of(clusterer: Any) -> np.ndarray | None:
    """Returns the centres, or a mixture's means, as latents: float32 (k, d); None without."""
    centres, steps = _own_centres(clusterer), steps_before(clusterer)
    if centres is None:
        return None
    return (centres if steps is None else steps.inverse_transform(centres)).astype(np.float32)


def parameters_of(clusterer: Any) -> dict[str, np.ndarray]:
    """Returns what describes the clusters, in the space that the estimator works in.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one.

    Returns:
        Of a mixture `weights` (k,), `means` (k, d), `covariances` (k, d, d); of k-means `centres`
        (k, d); of others what they have of these.
    """
    estimator = estimator_of(clusterer)
    names = {"weights": "weights_", "means": "means_", "centres": "cluster_centers_"}
    found = {k: getattr(estimator, v) for k, v in names.items() if hasattr(estimator, v)}
    if hasattr(estimator, "covariances_"):
        found["covariances"] = _whole_covariances(estimator)
    return found


def _whole_covariances(mixture: Any) -> np.ndarray:
    """Returns covariances of shape (k, d, d), whatever restricts them."""
    given, (k, d) = mixture.covariances_, mixture.means_.shape
    match mixture.covariance_type:
        case "full":
            return given
        case "tied":
            return np.broadcast_to(given, (k, d, d))
        case "diag":
            return given[:, :, None] * np.eye(d)
    return given[:, None, None] * np.eye(d)
