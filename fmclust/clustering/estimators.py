"""scikit-learn estimators as clusterers: pipelines, their parts and their parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from fmclust.clustering.inductive import InductiveClusterer
from fmclust.errors import UserError, one_line


def pipeline(**steps: BaseEstimator | None) -> Pipeline:
    """Chains named steps, the estimator last; a step that is None is left out."""
    return Pipeline([(name, step) for name, step in steps.items() if step is not None])


def require_fittable(clusterers: Mapping[str, BaseEstimator], n_latents: int) -> None:
    """Checks the parameters of estimators before anything slow is done for them.

    Args:
        clusterers: Name to unfitted scikit-learn estimator.
        n_latents: How many latents they will be fitted to.

    Raises:
        UserError: If scikit-learn refuses a parameter, or wants more clusters than latents.
    """
    for name, clusterer in clusterers.items():
        for part in _parts(clusterer):
            try:
                if hasattr(part, "_parameter_constraints"):  # scikit-learn's and ours
                    part._validate_params()
            except ValueError as error:
                raise UserError(f"cluster.{name}: {one_line(error)}") from error
        if not hasattr(estimator_of(clusterer), "predict"):
            raise UserError(
                f"cluster.{name}: {type(estimator_of(clusterer)).__name__} has no predict: wrap it "
                "in fmclust.clustering.InductiveClusterer, as conf/cluster/hdbscan.yaml does."
            )
        n_clusters = declared_clusters(clusterer)
        if n_clusters > n_latents:
            raise UserError(
                f"cluster.{name}: {n_clusters} clusters are more than the {n_latents} images to "
                f"fit on: type n_clusters= with at most {n_latents}."
            )


def _parts(clusterer: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yields an estimator and all that works in it."""
    yield clusterer
    if isinstance(clusterer, Pipeline):
        for step in clusterer.named_steps.values():
            yield from _parts(step)
    elif isinstance(clusterer, InductiveClusterer):
        yield from _parts(clusterer.estimator)


def declared_clusters(clusterer: Any) -> int:
    key = n_clusters_key(clusterer)
    return (clusterer.get_params()[key] or 0) if key else 0


def n_clusters_key(clusterer: BaseEstimator) -> str | None:
    """Returns the parameter for the number of clusters, of what clusters in it; None without."""
    if isinstance(clusterer, Pipeline):
        prefix, inner = clusterer.steps[-1]
    elif isinstance(clusterer, InductiveClusterer):
        prefix, inner = "estimator", clusterer.estimator
    else:
        known = clusterer.get_params()
        return next((name for name in ("n_clusters", "n_components") if name in known), None)
    key = n_clusters_key(inner)
    return key and f"{prefix}__{key}"


def estimator_of(clusterer: Any) -> Any:
    """Returns a pipeline's last step; of other estimators themselves."""
    return clusterer[-1] if isinstance(clusterer, Pipeline) else clusterer


def innermost(clusterer: Any) -> Any:
    """Returns what does the clustering in an estimator, if need be itself."""
    last = estimator_of(clusterer)
    return innermost(last.estimator) if isinstance(last, InductiveClusterer) else last


def seen_by(clusterer: Any, latents: np.ndarray) -> np.ndarray:
    """Returns latents as the estimator sees them: after the steps before it, if any."""
    steps = steps_before(clusterer)
    return latents if steps is None else steps.transform(latents)


def steps_before(clusterer: Any) -> Pipeline | None:
    """Returns the steps of a pipeline before its estimator; None if there are none."""
    is_chain = isinstance(clusterer, Pipeline) and len(clusterer) > 1
    return clusterer[:-1] if is_chain else None
