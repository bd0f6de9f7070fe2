"""Clusterers as scikit-learn estimators: pipelines, their steps and their parameters."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from fmclust.clustering.inductive import InductiveClusterer
from fmclust.clustering.sizes import fitted_number, require_few_neighbours
from fmclust.errors import UserError, one_line

Floats: TypeAlias = NDArray[np.floating]
Ids: TypeAlias = NDArray[np.int64]


def pipeline(**steps: BaseEstimator | None) -> Pipeline:
    """Return a Pipeline of named steps, the estimator last, without the steps that are None."""
    return Pipeline([(name, step) for name, step in steps.items() if step is not None])


def require_fittable(clusterers: Mapping[str, BaseEstimator], n_latents: int) -> None:
    """Check the parameters of estimators before an encoder is trained.

    Args:
        clusterers: Name to unfitted scikit-learn estimator.
        n_latents: Number of latents to fit them to.

    Raises:
        UserError: If scikit-learn rejects a parameter, an estimator has no `predict`, or there are
            more clusters, or more neighbours, than latents.
    """
    for name, clusterer in clusterers.items():
        for part in (clusterer, *clusterer.get_params().values()):
            if isinstance(part, BaseEstimator):
                _require_valid_parameters(name, part)
        if not hasattr(clusterer, "predict"):
            kind = type(estimator_of(clusterer)).__name__
            raise UserError(
                f"cluster.{name}: {kind} has no predict: wrap it in "
                "fmclust.clustering.InductiveClusterer, as conf/cluster/hdbscan.yaml does."
            )
        n_clusters, n_fitted = declared_clusters(clusterer), fitted_number(clusterer, n_latents)
        if n_clusters > n_fitted:
            raise UserError(
                f"cluster.{name}: {n_clusters} clusters are more than the {n_fitted} images to "
                f"fit to: type n_clusters= with at most {n_fitted}."
            )
        require_few_neighbours(name, clusterer, n_latents)


def _require_valid_parameters(name: str, estimator: BaseEstimator) -> None:
    """Fit an estimator to an array without rows: scikit-learn checks the parameters first.

    An invalid parameter raises an error that is both a ValueError and a TypeError. Every other
    error is caused by the missing rows.
    """
    try:
        clone(estimator).fit(np.empty((0, 1)))
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(error, TypeError):
            raise UserError(f"cluster.{name}: {one_line(error)}") from error


def in_fitted_dtype(clusterer: BaseEstimator, latents: Floats) -> Floats:
    """Return latents in the dtype that an estimator was fitted in, as `fit` has noted it."""
    return latents.astype(getattr(clusterer, "fitted_dtype_", latents.dtype), copy=False)


def takes_prototypes(clusterer: BaseEstimator) -> bool:
    """Return whether an estimator needs centres that an encoder has learned."""
    return "centres" in estimator_of(clusterer).get_params()


def with_prototypes(
    clusterer: BaseEstimator, centres: Floats, offsets: Floats, temperature: float
) -> BaseEstimator:
    """Return a copy of an estimator that `takes_prototypes`, with the centres of an encoder.

    Args:
        clusterer: Unfitted estimator, or a pipeline that ends in one.
        centres: Array of shape (k, d).
        offsets: Array of shape (k,).
        temperature: Temperature of the cosine similarities.
    """
    made = clone(clusterer)
    estimator_of(made).set_params(centres=centres, offsets=offsets, temperature=temperature)
    return made


def declared_clusters(clusterer: BaseEstimator) -> int:
    """Return the number of clusters that the parameters set, or 0 if they set none."""
    key = n_clusters_key(clusterer)
    return (clusterer.get_params()[key] or 0) if key else 0


def n_clusters_key(clusterer: BaseEstimator) -> str | None:
    """Return the name of the parameter that sets the number of clusters, or None."""
    prefix, estimator = innermost(clusterer)
    known = estimator.get_params()
    names = ("n_clusters", "n_components")
    return next((f"{prefix}{name}" for name in names if name in known), None)


def innermost(clusterer: BaseEstimator) -> tuple[str, BaseEstimator]:
    """Return the estimator that does the clustering, after the prefix of its parameters' names."""
    prefix = ""
    while isinstance(clusterer, Pipeline | InductiveClusterer):
        name = clusterer.steps[-1][0] if isinstance(clusterer, Pipeline) else "estimator"
        clusterer = clusterer.get_params()[name]
        prefix += f"{name}__"
    return prefix, clusterer


def estimator_of(clusterer: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, or the estimator itself."""
    return clusterer[-1] if isinstance(clusterer, Pipeline) else clusterer


def steps_before(clusterer: BaseEstimator) -> BaseEstimator:
    """Return the steps of a pipeline before its last one, or the identity if there are none."""
    has_steps = isinstance(clusterer, Pipeline) and len(clusterer) > 1
    return clusterer[:-1] if has_steps else FunctionTransformer()
