"""Scores of cluster ids against classes."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.metrics import (
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    mutual_info_score,
)

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

    Raises:
        ValueError: If no sample has a class, the shapes differ or an id is out of range.

    Examples:
        >>> clusters, classes = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1])
        >>> score(clusters, classes, n_clusters=2, n_classes=2)["accuracy"]
        1.0
    """
    if not (classes >= 0).any():
        raise ValueError("no sample has a class")
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


def scores_of_counts(confusion: Confusion) -> dict[str, float]:
    """Return the same scores as `score`, given only how many samples each pair has.

    Args:
        confusion: At least one sample, and no noise.

    Examples:
        >>> clusters, classes = np.array([1, 1, 0, 0, 0]), np.array([0, 0, 1, 1, 0])
        >>> expected = score(clusters, classes, n_clusters=2, n_classes=2)
        >>> found = scores_of_counts(confusion_of(clusters, classes, n_clusters=2, n_classes=2))
        >>> all(abs(found[name] - expected[name]) < 1e-12 for name in SCORES)
        True
    """
    counts = confusion.raw
    of_classes, of_clusters = counts.sum(axis=1), counts.sum(axis=0)
    shared = mutual_info_score(None, None, contingency=counts)
    bounds = [float(entropy(n)) for n in (of_classes, of_clusters)]
    homogeneity, completeness = (shared / bound if bound else 1.0 for bound in bounds)
    total = homogeneity + completeness
    pairs, class_pairs, cluster_pairs, all_pairs = (
        float((n * (n - 1.0) / 2).sum()) for n in (counts, of_classes, of_clusters, counts.sum())
    )
    expected = class_pairs * cluster_pairs / all_pairs if all_pairs else 0.0
    span = (class_pairs + cluster_pairs) / 2 - expected  # Hubert and Arabie 1985
    return {
        "accuracy": confusion.accuracy,
        "nmi": 2 * homogeneity * completeness / total if total else 0.0,
        "ari": (pairs - expected) / span if span else 1.0,
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
    }
