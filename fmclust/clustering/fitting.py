"""Fitting an estimator to latents, assigning latents to clusters, and its own statistics."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from fmclust.clustering.estimators import declared_clusters, estimator_of, innermost, seen_by
from fmclust.clustering.inductive import InductiveClusterer
from fmclust.clustering.internal_scores import SEPARATION, separation
from fmclust.errors import UserError, one_line

WIDE = 256  # dimensions; a mixture of 128 took 4 times as long on 2 threads, of 784 half as long


def fit(clusterer: BaseEstimator, latents: np.ndarray) -> tuple[Any, list[str]]:
    """Fits a copy of an estimator.

    Args:
        clusterer: Estimator with `fit` and `predict`; left as it is.
        latents: float32 array of shape (N, d).

    Returns:
        The fitted estimator, and what it warned of.

    Raises:
        UserError: If the estimator refuses its parameters or the latents.
    """
    fitted = clone(clusterer)
    with warnings.catch_warnings(record=True) as caught, _few_blas_threads(latents):
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            fitted.fit(latents)
        except ValueError as error:
            raise UserError(
                f"{type(innermost(clusterer)).__name__} can't cluster latents of shape "
                f"{latents.shape}: {one_line(error)}"
            ) from error
    return fitted, [one_line(warning.message) for warning in caught]


def assign(clusterer: Any, latents: np.ndarray) -> np.ndarray:
    """Returns the cluster id of every latent: int64 of shape (N,)."""
    with _few_blas_threads(latents):
        return clusterer.predict(latents).astype(np.int64)


def responsibilities(clusterer: Any, latents: np.ndarray) -> np.ndarray | None:
    """Returns p(cluster | latent), shape (N, n_clusters); None if it is not a mixture."""
    if not hasattr(clusterer, "predict_proba"):
        return None
    with _few_blas_threads(latents):
        return clusterer.predict_proba(latents)


@dataclass(frozen=True)
class Clustering:
    """A fitted estimator and the clusters of every split; no label was near it.

    Attributes:
        estimator: The fitted scikit-learn estimator.
        n_clusters: Number of clusters, empty ones included.
        clusters: Split to int64 cluster ids of shape (N,).
        responsibilities: Split to float array of shape (N, k), p(cluster | latent); empty for
            estimators that are not mixtures.
        propagated: Split to bool array of shape (N,), whether the cluster is that of the nearest
            fitted latents; empty for estimators that assign by themselves.
        statistics: Label-free numbers of the fitted split: `own_statistics`, `separation`.
        warnings: What fitting warned of, and whether clusters are empty.
    """

    estimator: Any
    n_clusters: int
    clusters: dict[str, np.ndarray]
    responsibilities: dict[str, np.ndarray]
    propagated: dict[str, np.ndarray]
    statistics: dict[str, float]
    warnings: list[str]


def cluster(
    clusterer: BaseEstimator, latents: Mapping[str, np.ndarray], fitted_split: str
) -> Clustering:
    """Fits an estimator on one split and assigns all splits to its clusters.

    Args:
        clusterer: Unfitted estimator with `fit` and `predict`; left as it is.
        latents: Split to float32 array of shape (N, d).
        fitted_split: The split to fit on.

    Raises:
        UserError: If the estimator refuses its parameters or the latents.
    """
    fitted, warned = fit(clusterer, latents[fitted_split])
    clusters = {split: assign(fitted, rows) for split, rows in latents.items()}
    propagated = {}
    if isinstance(last := estimator_of(fitted), InductiveClusterer):
        clusters[fitted_split][last.rows_] = last.labels_
        propagated = {split: np.ones(len(rows), bool) for split, rows in latents.items()}
        propagated[fitted_split][last.rows_] = False
    soft = {split: responsibilities(fitted, rows) for split, rows in latents.items()}
    n_clusters = _count_clusters(fitted, clusters[fitted_split])
    there = np.unique(clusters[fitted_split])
    empty = n_clusters - np.count_nonzero(there >= 0)
    if empty:
        warned.append(f"{empty} of {n_clusters} clusters are empty")
    return Clustering(
        estimator=fitted,
        n_clusters=n_clusters,
        clusters=clusters,
        responsibilities={s: rows for s, rows in soft.items() if rows is not None},
        propagated=propagated,
        statistics={
            "empty_clusters": float(empty),
            **own_statistics(fitted, latents[fitted_split]),
            **separation(latents[fitted_split], clusters[fitted_split]),
        },
        warnings=warned,
    )


def own_statistics(clusterer: Any, latents: np.ndarray) -> dict[str, float]:
    """Label-free statistics of a fitted estimator.

    Args:
        clusterer: A fitted estimator.
        latents: float32 array of shape (N, d), what it was fitted on.

    Returns:
        What the estimator has of: `inertia` (sum of squared distances), `n_iter`, `converged`
        (0 or 1), `log_likelihood` (mean per latent, nats), `bic`, `aic`.
    """
    estimator = estimator_of(clusterer)
    before = seen_by(clusterer, latents)
    statistics = {
        name: float(getattr(estimator, f"{name}_"))
        for name in ("inertia", "n_iter", "converged")
        if hasattr(estimator, f"{name}_")
    }
    with _few_blas_threads(latents):
        if hasattr(estimator, "score_samples"):
            statistics["log_likelihood"] = float(estimator.score_samples(before).mean())
        for name in ("bic", "aic"):
            if hasattr(estimator, name):
                statistics[name] = float(getattr(estimator, name)(before))
    return statistics


def statistic_names(clusterer: Any) -> tuple[str, ...]:
    """Returns which label-free statistics an estimator will have that compare runs.

    Args:
        clusterer: An estimator, fitted or not.
    """
    last = estimator_of(clusterer)
    if isinstance(last, InductiveClusterer):
        return SEPARATION
    if hasattr(last, "score_samples"):
        own = ("log_likelihood", "bic", "aic")
        return (*(name for name in own if name == own[0] or hasattr(last, name)), *SEPARATION)
    return ("inertia", *SEPARATION)


def _count_clusters(clusterer: Any, clusters: np.ndarray) -> int:
    return max(declared_clusters(clusterer), int(clusters.max()) + 1)


def _few_blas_threads(latents: np.ndarray) -> threadpool_limits:
    """Gives narrow latents one BLAS thread: their products are too small to share."""
    return threadpool_limits(limits=None if latents.shape[1] > WIDE else 1, user_api="blas")
