"""Fit an estimator to latents, assign latents to its clusters, and compute its statistics."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from fmclust.clustering import estimators
from fmclust.clustering.degenerate import fit_regularized
from fmclust.clustering.estimators import Floats, estimator_of, in_fitted_dtype, steps_before
from fmclust.clustering.inductive import InductiveClusterer
from fmclust.clustering.internal_scores import SCORES, separation
from fmclust.errors import UserError, one_line

# Dimensions up to which one BLAS thread is faster. On 2 threads a mixture of 128 dimensions took
# 4 times as long as on one, a mixture of 784 dimensions half as long.
MAX_NARROW = 256


def fit(clusterer: BaseEstimator, latents: Floats) -> tuple[BaseEstimator, list[str]]:
    """Fit a copy of an estimator.

    Args:
        clusterer: Estimator with `fit` and `predict`; it is not changed.
        latents: float array of shape (N, d). The estimator works in its dtype, later too.

    Returns:
        The fitted estimator, and the texts of its warnings.

    Raises:
        UserError: If the estimator rejects its parameters or the latents.
    """
    fitted = clone(clusterer)
    with warnings.catch_warnings(record=True) as caught, _blas_threads(latents):
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            warned = fit_regularized(fitted, latents)
        except ValueError as error:
            name = type(estimators.innermost(clusterer)[1]).__name__
            raise UserError(
                f"{name} can't cluster latents of shape {latents.shape}: {one_line(error)}"
            ) from error
    fitted.fitted_dtype_ = latents.dtype.name
    texts = dict.fromkeys([*warned, *(one_line(warning.message) for warning in caught)])
    return fitted, list(texts)


def assign(clusterer: BaseEstimator, latents: Floats) -> NDArray[np.int64]:
    """Return the cluster id of every latent, int64 of shape (N,)."""
    with _blas_threads(latents):
        return np.asarray(clusterer.predict(in_fitted_dtype(clusterer, latents)), np.int64)


def responsibilities(clusterer: BaseEstimator, latents: Floats) -> Floats | None:
    """Return p(cluster | latent), shape (N, n_clusters), or None if it is not a mixture."""
    if not hasattr(clusterer, "predict_proba"):
        return None
    with _blas_threads(latents):
        return np.asarray(clusterer.predict_proba(in_fitted_dtype(clusterer, latents)))


@dataclass(frozen=True)
class Clustering:
    """A fitted estimator and the clusters of every split, made without labels.

    Attributes:
        estimator: The fitted scikit-learn estimator.
        n_clusters: Number of clusters, empty ones included.
        clusters: Split to int64 cluster ids of shape (N,).
        responsibilities: Split to float array of shape (N, k), p(cluster | latent); empty for
            estimators that are not mixtures.
        propagated: Split to bool array of shape (N,), whether the cluster is that of the nearest
            fitted latents; empty for all estimators except InductiveClusterer.
        statistics: Label-free statistics of the fitted split: `own_statistics`, `separation`.
        warnings: The warnings of the fit, and one if clusters are empty, if there is one cluster
            only, or none.
    """

    estimator: BaseEstimator
    n_clusters: int
    clusters: dict[str, NDArray[np.int64]]
    responsibilities: dict[str, Floats]
    propagated: dict[str, NDArray[np.bool_]]
    statistics: dict[str, float]
    warnings: list[str]


def cluster(
    clusterer: BaseEstimator, latents: Mapping[str, Floats], fitted_split: str
) -> Clustering:
    """Fit an estimator to one split and assign all splits to its clusters.

    Args:
        clusterer: Unfitted estimator with `fit` and `predict`; it is not changed.
        latents: Split to float array of shape (N, d); the estimator works in its dtype.
        fitted_split: The split to fit to.

    Raises:
        UserError: If the estimator rejects its parameters or the latents.
    """
    fitted, warned = fit(clusterer, latents[fitted_split])
    return clustering_by(fitted, latents, fitted_split, warned)


def clustering_by(
    fitted: BaseEstimator,
    latents: Mapping[str, Floats],
    fitted_split: str,
    warned: Sequence[str] = (),
) -> Clustering:
    """Assign all splits to the clusters of a fitted estimator, and compute its statistics.

    Args:
        fitted: The fitted estimator.
        latents: Split to float array of shape (N, d).
        fitted_split: The split that the statistics are of.
        warned: The warnings of the fit.
    """
    warned = [*warned]
    clusters = {split: assign(fitted, rows) for split, rows in latents.items()}
    ids, propagated = clusters[fitted_split], {}
    if isinstance(last := estimator_of(fitted), InductiveClusterer):
        ids[last.rows_] = last.labels_
        propagated = {split: np.ones(len(rows), np.bool_) for split, rows in latents.items()}
        propagated[fitted_split][last.rows_] = False
    soft = {
        split: found
        for split, rows in latents.items()
        if (found := responsibilities(fitted, rows)) is not None
    }
    n_clusters = max(estimators.declared_clusters(fitted), int(ids.max()) + 1)
    empty = n_clusters - len(np.unique(ids[ids >= 0]))
    statistics = {"empty_clusters": float(empty), **own_statistics(fitted, latents[fitted_split])}
    statistics |= separation(latents[fitted_split], ids)
    if empty:
        warned.append(f"{empty} of {n_clusters} clusters are empty")
    if (ids < 0).all():
        warned.append(f"no cluster: all {len(ids):,} latents of {fitted_split} are noise")
    elif n_clusters == 1 and estimators.declared_clusters(fitted) != 1:
        warned.append("there is only one cluster")
    return Clustering(fitted, n_clusters, clusters, soft, propagated, statistics, warned)


def own_statistics(clusterer: BaseEstimator, latents: Floats) -> dict[str, float]:
    """Return the label-free statistics that a fitted estimator offers.

    Args:
        clusterer: A fitted estimator.
        latents: float array of shape (N, d), the latents that it was fitted to.

    Returns:
        `inertia` (sum of squared distances), `n_iter`, `converged` (0 or 1), `log_likelihood`
        (mean per latent, nats), `bic` and `aic`, if the estimator has them.
    """
    estimator = estimator_of(clusterer)
    inputs = steps_before(clusterer).transform(in_fitted_dtype(clusterer, latents))
    attributes = [n for n in ("inertia", "n_iter", "converged") if hasattr(estimator, f"{n}_")]
    statistics = {name: float(getattr(estimator, f"{name}_")) for name in attributes}
    with _blas_threads(latents):
        if hasattr(estimator, "score_samples"):
            statistics["log_likelihood"] = float(estimator.score_samples(inputs).mean())
        for name in _criteria(estimator):
            statistics[name] = float(getattr(estimator, name)(inputs))
    return statistics


def statistic_names(clusterer: BaseEstimator) -> tuple[str, ...]:
    """Return the names of the label-free statistics by which runs of an estimator are compared.

    Args:
        clusterer: An estimator, fitted or not.
    """
    last = estimator_of(clusterer)
    if isinstance(last, InductiveClusterer):
        return tuple(SCORES)
    if hasattr(last, "score_samples"):
        return ("log_likelihood", *_criteria(last), *SCORES)
    return ("inertia", *SCORES)


def _criteria(estimator: BaseEstimator) -> list[str]:
    """Return the information criteria that an estimator computes."""
    return [name for name in ("bic", "aic") if hasattr(estimator, name)]


def _blas_threads(latents: Floats) -> threadpool_limits:
    """Limit BLAS to one thread for narrow latents: their products are too small to share."""
    return threadpool_limits(limits=1 if latents.shape[1] <= MAX_NARROW else None, user_api="blas")
