"""Choose the members of a cluster to show: typical ones, borderline ones, misfits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_samples

EACH = 7  # typical images, borderline images, misfits


@dataclass(frozen=True)
class Gallery:
    """Some members of a cluster, as numbers of thumbnails.

    Attributes:
        typical: Members in order of their distance to the median of the cluster.
        borderline: Members in order of their certainty, see `certainty`.
        misfits: Members of another class than the matched one, in order of their distance to the
            median; without labels, the members farthest from the median. Members without a label
            are no misfits.
    """

    typical: Sequence[int]
    borderline: Sequence[int]
    misfits: Sequence[int]


def certainty(
    latents: NDArray[Any], clusters: NDArray[Any], probability: NDArray[Any] | None
) -> NDArray[Any]:
    """Return the certainty that each latent is in its cluster: its probability or silhouette.

    Args:
        latents: float array of shape (n, d).
        clusters: int array of shape (n,).
        probability: Float array of shape (n,), or None if the clusterer gives none.
    """
    if probability is not None:
        return probability
    if not 1 < len(np.unique(clusters)) < len(clusters):
        return np.zeros(len(clusters))
    return np.asarray(silhouette_samples(latents, clusters))


def gallery(
    is_member: NDArray[Any],
    latents: NDArray[Any],
    certain: NDArray[Any],
    classes: NDArray[Any] | None,
    matched: int | None,
) -> Gallery:
    """Choose the members of a cluster to show.

    Args:
        is_member: bool array of shape (n,).
        latents: float array of shape (n, d).
        certain: float array of shape (n,), see `certainty`.
        classes: int array of shape (n,), -1 for members without a label; None without labels.
        matched: The class that the cluster is matched to, if any.
    """
    members = np.flatnonzero(is_member)
    if not len(members):
        return Gallery((), (), ())
    middle = np.median(latents[members], axis=0)
    near = members[np.argsort(np.linalg.norm(latents[members] - middle, axis=1), kind="stable")]
    doubtful = members[np.argsort(certain[members], kind="stable")]
    misfits = (
        near[::-1] if classes is None else near[(classes[near] != matched) & (classes[near] >= 0)]
    )
    return Gallery(*(part[:EACH].tolist() for part in (near, doubtful, misfits)))
