"""The parameters of fitted clusterers as arrays, from which latents are assigned without pickles.

`fmclust.inference.stored` reads them.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from fmclust.clustering.balanced import SphericalClusterer
from fmclust.clustering.estimators import Floats, estimator_of

ATTRIBUTES = {  # name of an array to the attribute of an estimator
    "weights": "weights_",
    "means": "means_",
    "centres": "cluster_centers_",
    "offsets": "offsets_",
}
EXACT = (KMeans, MiniBatchKMeans, GaussianMixture)  # subclasses may assign in another way
AFFINE = (PCA, StandardScaler)
MAX_LATENTS = 4096  # dimensions up to which square matrices are computed
MAX_EXPANDED = 256  # dimensions up to which diagonal covariances become square matrices


def parameters_of(clusterer: BaseEstimator) -> dict[str, Floats]:
    """Return the parameters of the clusters, in the space that the estimator works in.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one.

    Returns:
        `weights` (k,), `means` (k, d) and `covariances` (k, d, d) of a mixture, the last up to
        `MAX_LATENTS`, or `MAX_EXPANDED` if they are diagonal; `centres` (k, d) of k-means, with
        `offsets` (k,) of spherical clusterers; of another estimator, the ones that it has.
    """
    estimator = estimator_of(clusterer)
    found = {k: getattr(estimator, v) for k, v in ATTRIBUTES.items() if hasattr(estimator, v)}
    is_mixture = hasattr(estimator, "covariances_")
    is_square = is_mixture and estimator.covariance_type in ("full", "tied")
    if is_mixture and estimator.means_.shape[1] <= (MAX_LATENTS if is_square else MAX_EXPANDED):
        found["covariances"] = _full_covariances(estimator)
    return found


def stored_arrays(clusterer: BaseEstimator) -> dict[str, Floats]:
    """Return `parameters_of`, and what else is needed to assign latents, where that is known.

    Args:
        clusterer: A fitted estimator, or a pipeline that ends in one.

    Returns:
        The parameters. For k-means, Gaussian mixtures and spherical clusterers after PCA, scaling
        or normalization of at most `MAX_LATENTS` also: `is_unit`, whether latents are divided by
        their lengths, after they have been multiplied by `matrix` (d, m) and `shift` (m,) was
        added; the `temperature` of spherical clusterers.
    """
    arrays, estimator = parameters_of(clusterer), estimator_of(clusterer)
    steps = [step for _, step in clusterer.steps[:-1]] if isinstance(clusterer, Pipeline) else []
    is_unit = bool(steps) and isinstance(steps[-1], Normalizer) and steps[-1].norm == "l2"
    affine = steps[:-1] if is_unit else steps
    is_known = type(estimator) in EXACT or isinstance(estimator, SphericalClusterer)
    is_known &= all(isinstance(step, AFFINE) for step in affine)
    if "means" in arrays:  # in float32, the rounding of another formula changes probabilities
        is_known &= "covariances" in arrays and arrays["means"].dtype == np.float64
    if not is_known or clusterer.n_features_in_ > MAX_LATENTS:
        return arrays
    arrays["is_unit"] = np.array(is_unit)
    if isinstance(estimator, SphericalClusterer):
        arrays["temperature"] = np.array(estimator.temperature)
    if affine:
        rows = np.eye(clusterer.n_features_in_ + 1, clusterer.n_features_in_)  # the last is 0
        for step in affine:
            rows = step.transform(rows)
        arrays |= {"matrix": rows[:-1] - rows[-1], "shift": rows[-1]}
    return arrays


def _full_covariances(mixture: BaseEstimator) -> Floats:
    """Return the covariances of any covariance type with shape (k, d, d)."""
    given, (k, d) = mixture.covariances_, mixture.means_.shape
    if mixture.covariance_type in ("full", "tied"):
        return np.broadcast_to(given, (k, d, d))
    covariances: Floats = given.reshape(k, -1, 1) * np.eye(d)  # diag (k, d), spherical (k,)
    return covariances
