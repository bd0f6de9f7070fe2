"""Scores of cluster ids against classes."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure

from fmclust.metrics.matching import Confusion, confusion_of

SCORES = ("accuracy", "nmi", "ari", "homogeneity", "completeness")


def score(
    clusters: NDArray[np.integer], classes: NDArray[np.integer], *, n_clusters: int, n_classes: int
) -> dict[str, float]:
    """Score one split.

    Args:
        clusters: int64 cluster ids of shape (N,), in 0..n_clusters-1; -1 is noise, which is not
            matched to any class.
        classes: int64 classes of shape (N,), in 0..n_classes-1; -1 is no label: not scored.
        n_clusters: Number of clusters, empty ones included.
        n_classes: Number of classes.

    Returns:
        `accuracy` (Hungarian, the paper's CoClust accuracy), `nmi` (arithmetic mean), `ari`,
        `homogeneity`, `completeness`: all at most 1, higher is better.

    Examples:
        >>> clusters, classes = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1])
        >>> score(clusters, classes, n_clusters=2, n_classes=2)["accuracy"]
        1.0
    """
    confusion = confusion_of(clusters, classes, n_clusters=n_clusters, n_classes=n_classes)
    return scores_of(confusion, clusters, classes)


def scores_of(
    confusion: Confusion, clusters: NDArray[np.integer], classes: NDArray[np.integer]
) -> dict[str, float]:
    """Return the same scores as `score`, given the confusion matrix of the ids."""
    clusters, classes = clusters[classes >= 0], classes[classes >= 0]
    homogeneity, completeness, nmi = homogeneity_completeness_v_measure(classes, clusters)
    return {
        "accuracy": confusion.accuracy,
        "nmi": float(nmi),  # the V-measure is the NMI with the arithmetic mean
        "ari": float(adjusted_rand_score(classes, clusters)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
    }
