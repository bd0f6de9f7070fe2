"""Clusterers as scikit-learn estimators: pipelines, their steps and their parameters."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from fmclust.clustering.inductive import InductiveClusterer
from fmclust.errors import UserError, one_line

Floats: TypeAlias = NDArray[np.floating]
Ids: TypeAlias = NDArray[np.int64]


class Clusterer(Protocol):
    """A scikit-learn estimator that assigns any latents to clusters."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""

    def fit(self, X: Floats, y: None = None) -> Self:
        """Fit to latents of shape (N, d)."""

    def predict(self, X: Floats) -> NDArray[np.integer]:
        """Return the cluster ids, shape (N,), of latents of shape (N, d)."""


def pipeline(**steps: BaseEstimator | None) -> Pipeline:
    """Return a Pipeline of named steps, the estimator last; steps that are None are left out."""
    return Pipeline([(name, step) for name, step in steps.items() if step is not None])


def require_fittable(clusterers: Mapping[str, BaseEstimator], n_latents: int) -> None:
    """Check the parameters of estimators before an encoder is trained.

    Args:
        clusterers: Name to unfitted scikit-learn estimator.
        n_latents: Number of latents that they will be fitted to.

    Raises:
        UserError: If scikit-learn rejects a parameter, an estimator has no `predict`, or there are
            more clusters than latents.
    """
    for name, clusterer in clusterers.items():
        for estimator in _nested(clusterer):
            _require_valid_parameters(name, estimator)
        if not hasattr(last := estimator_of(clusterer), "predict"):
            raise UserError(
                f"cluster.{name}: {type(last).__name__} has no predict: wrap it in "
                "fmclust.clustering.InductiveClusterer, as conf/cluster/hdbscan.yaml does."
            )
        n_clusters = declared_clusters(clusterer)
        if n_clusters > n_latents:
            raise UserError(
                f"cluster.{name}: {n_clusters} clusters are more than the {n_latents} images to "
                f"fit on: type n_clusters= with at most {n_latents}."
            )


def _require_valid_parameters(name: str, estimator: BaseEstimator) -> None:
    """Fit an estimator to an array without rows: scikit-learn checks the parameters first.

    Its InvalidParameterError is both a ValueError and a TypeError; any other error is about the
    missing rows.
    """
    try:
        clone(estimator).fit(np.empty((0, 1)))
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(error, TypeError):
            raise UserError(f"cluster.{name}: {one_line(error)}") from error


def _nested(clusterer: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yield an estimator and all estimators inside it."""
    yield clusterer
    if isinstance(clusterer, Pipeline):
        for step in clusterer.named_steps.values():
            yield from _nested(step)
    elif isinstance(clusterer, InductiveClusterer):
        yield from _nested(clusterer.estimator)


def declared_clusters(clusterer: BaseEstimator) -> int:
    """Return the number of clusters that the parameters ask for, or 0 if they name none."""
    key = n_clusters_key(clusterer)
    return (clusterer.get_params()[key] or 0) if key else 0


def n_clusters_key(clusterer: BaseEstimator) -> str | None:
    """Return the name of the parameter that sets the number of clusters, or None."""
    prefix, estimator = innermost(clusterer)
    known = estimator.get_params()
    names = ("n_clusters", "n_components")
    return next((f"{prefix}{name}" for name in names if name in known), None)


def innermost(clusterer: BaseEstimator) -> tuple[str, BaseEstimator]:
    """Return the prefix of its parameters' names and the estimator that does the clustering."""
    if isinstance(clusterer, Pipeline):
        name, inner = clusterer.steps[-1]
    elif isinstance(clusterer, InductiveClusterer):
        name, inner = "estimator", clusterer.estimator
    else:
        return "", clusterer
    prefix, found = innermost(inner)
    return f"{name}__{prefix}", found


def estimator_of(clusterer: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, or the estimator itself."""
    return clusterer[-1] if isinstance(clusterer, Pipeline) else clusterer


def steps_before(clusterer: BaseEstimator) -> Pipeline | None:
    """Return the steps of a pipeline before its last one, or None if there are none."""
    return clusterer[:-1] if isinstance(clusterer, Pipeline) and len(clusterer) > 1 else None


def transformed(clusterer: BaseEstimator, latents: Floats) -> Floats:
    """Return latents as the estimator of a pipeline receives them: after the steps before it."""
    steps = steps_before(clusterer)
    return latents if steps is None else steps.transform(latents)
