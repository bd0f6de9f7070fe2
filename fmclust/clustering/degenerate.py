"""Fit mixtures whose components are degenerate, by more regularization of their covariances."""

import numpy as np
from sklearn.base import BaseEstimator

from fmclust.clustering.estimators import Floats, innermost

# In the message of scikit-learn's mixtures, as of 1.9.1; they raise no error type of their own.
ILL_DEFINED = "ill-defined empirical covariance"
MIN_REG_COVAR, MAX_REG_COVAR = 1e-6, 1.0


def fit_regularized(clusterer: BaseEstimator, latents: Floats) -> list[str]:
    """Fit an estimator; multiply the `reg_covar` of a mixture by ten while it is degenerate.

    A component of a mixture is degenerate if the Cholesky decomposition of its covariance fails.

    Args:
        clusterer: Unfitted estimator; its `reg_covar` is changed if need be.
        latents: float array of shape (N, d).

    Returns:
        A warning that names the value used, if it is not the given one.

    Raises:
        ValueError: If the estimator rejects its parameters or the latents, or a mixture is still
            degenerate with a `reg_covar` of `MAX_REG_COVAR` or, if that is larger, of the mean
            variance of the latents' axes.
    """
    prefix, estimator = innermost(clusterer)
    given = value = estimator.get_params().get("reg_covar")
    bound = max(MAX_REG_COVAR, float(latents.var(axis=0, dtype=np.float64).mean()))
    while True:
        try:
            clusterer.fit(latents)
            break
        except ValueError as error:
            if ILL_DEFINED not in str(error) or value is None or value >= bound:
                raise
        value = float(np.clip(10 * value, MIN_REG_COVAR, bound))
        clusterer.set_params(**{f"{prefix}reg_covar": value})
    if value == given:
        return []
    return [
        f"reg_covar={value:g} was used: with {given:g} the covariance of a component is degenerate"
    ]
