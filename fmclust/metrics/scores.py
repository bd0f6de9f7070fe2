"""All scores of cluster ids against classes, by one call."""

import numpy as np
import torch
from sklearn import metrics as sklearn_metrics

from fmclust.metrics.matching import ClusterAccuracy

SCORES = ("accuracy", "nmi", "ari", "homogeneity", "completeness")


def score(
    clusters: np.ndarray, classes: np.ndarray, *, n_clusters: int, n_classes: int
) -> dict[str, float]:
    """Scores one split.

    Args:
        clusters: int64 cluster ids of shape (N,), in 0..n_clusters-1; -1 is noise, a cluster
            that matches no class.
        classes: int64 classes of shape (N,), in 0..n_classes-1.
        n_clusters: Number of clusters, empty ones included.
        n_classes: Number of classes.

    Returns:
        `accuracy` (Hungarian, the paper's CoClust accuracy), `nmi` (arithmetic mean), `ari`,
        `homogeneity`, `completeness`: all at most 1, higher is better.
    """
    # One process has all samples: it must not wait for others.
    noise = bool((clusters < 0).any())
    accuracy = ClusterAccuracy(n_classes, n_clusters, noise=noise, sync_on_compute=False)
    accuracy.update(torch.from_numpy(clusters), torch.from_numpy(classes))
    homogeneity, completeness, nmi = sklearn_metrics.homogeneity_completeness_v_measure(
        classes, clusters
    )
    return {
        "accuracy": float(accuracy.compute()),
        "nmi": float(nmi),  # the V-measure is the NMI with the arithmetic mean
        "ari": float(sklearn_metrics.adjusted_rand_score(classes, clusters)),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
    }
