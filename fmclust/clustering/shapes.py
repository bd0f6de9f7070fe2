"""Centres and covariances of clusters, and distances to the centres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches

from fmclust.clustering.estimators import (
    Floats,
    Ids,
    estimator_of,
    in_fitted_dtype,
    steps_before,
)
from fmclust.clustering.parameters import parameters_of

MAX_ROWS = 8192  # latents per batch when distances are computed
FAR_QUANTILE = 0.999  # share of the fitted latents that count as near


@dataclass(frozen=True)
class Shapes:
    """The clusters of a mixture or of k-means, in the space that the estimator works in.

    Attributes:
        latents: float array of shape (N, d), transformed by the steps before the estimator.
        centres: Array of shape (k, d): centres, or the means of a mixture.
        covariances: Array of shape (k, d, d) for a mixture; None for k-means.
    """

    latents: Floats
    centres: Floats
    covariances: Floats | None


def shapes_of(clusterer: BaseEstimator, latents: Floats) -> Shapes | None:
    """Return the shapes of a fitted estimator's clusters, or None if it has no centres.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one.
        latents: float array of shape (N, d).
    """
    centres, covariances = _own_centres(clusterer), parameters_of(clusterer).get("covariances")
    return None if centres is None else Shapes(_inputs(clusterer, latents), centres, covariances)


def distances_to_centres(
    clusterer: BaseEstimator, latents: Floats, clusters: Ids
) -> NDArray[np.float64] | None:
    """Return the distances of latents to their clusters' centres, or None if there are none.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one; the distances are in the
            space that the estimator works in.
        latents: float array of shape (N, d).
        clusters: int64 array of shape (N,), the cluster ids of the latents.

    Returns:
        float64 array of shape (N,).
    """
    centres = _own_centres(clusterer)
    if centres is None:
        return None
    return _distances(_inputs(clusterer, latents), centres, clusters)


def _inputs(clusterer: BaseEstimator, latents: Floats) -> Floats:
    """Return what the last step of a pipeline gets, or the latents; in the fitted dtype."""
    inputs: Floats = steps_before(clusterer).transform(in_fitted_dtype(clusterer, latents))
    return inputs


def _distances(inputs: Floats, centres: Floats, clusters: Ids) -> NDArray[np.float64]:
    distances = np.empty(len(inputs))
    for rows in gen_batches(len(inputs), MAX_ROWS):
        distances[rows] = np.linalg.norm(inputs[rows] - centres[clusters[rows]], axis=1)
    return distances


def centres_of(clusterer: BaseEstimator) -> NDArray[np.float32] | None:
    """Return the centres or means as latents, float32 (k, d), or None.

    There are none if the estimator has no centres, or a step before it has no inverse.
    """
    centres, steps = _own_centres(clusterer), steps_before(clusterer)
    if centres is None or not hasattr(steps, "inverse_transform"):  # such as Normalizer
        return None
    return np.asarray(steps.inverse_transform(centres), np.float32)


def _own_centres(clusterer: BaseEstimator) -> Floats | None:
    """Return the centres or means, shape (k, d), in the space that the estimator works in."""
    estimator = estimator_of(clusterer)
    return getattr(estimator, "cluster_centers_", getattr(estimator, "means_", None))
