"""Accuracies that a run does not print itself."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator

from fmclust.clustering import assign, fit
from fmclust.metrics import score


def accuracy_of_all(clusters: Mapping[str, np.ndarray], classes: Mapping[str, np.ndarray]) -> float:
    """Returns the Hungarian accuracy of all splits taken as one.

    Args:
        clusters: Split to int64 cluster ids of shape (N,).
        classes: The same splits to int64 classes of shape (N,).
    """
    ids = np.concatenate([clusters[split] for split in classes])
    return _accuracy(ids, np.concatenate(list(classes.values())))


def accuracy_fitted_on(clusterer: BaseEstimator, latents: np.ndarray, classes: np.ndarray) -> float:
    """Fits an estimator on the very latents that it is scored on, which the paper may have done.

    Args:
        clusterer: Unfitted estimator; left as it is.
        latents: float32 array of shape (N, d).
        classes: int64 array of shape (N,); they only score.
    """
    fitted, _ = fit(clusterer, latents)
    return _accuracy(assign(fitted, latents), classes)


def _accuracy(clusters: np.ndarray, classes: np.ndarray) -> float:
    n_clusters, n_classes = int(clusters.max()) + 1, int(classes.max()) + 1
    return score(clusters, classes, n_clusters=n_clusters, n_classes=n_classes)["accuracy"]
