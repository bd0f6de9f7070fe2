"""Expectation maximization of a Gaussian mixture over the rows of a Spark table."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from fmclust.errors import UserError
from fmclust.spark.latents import Rows, reduced

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture of k components in m dimensions.

    Attributes:
        weights: Array of shape (k,).
        means: Array of shape (k, m).
        factors: Array of shape (k, m, m), lower triangular: those of Cholesky of the covariances.
    """

    weights: Floats
    means: Floats
    factors: Floats

    @classmethod
    def of(cls, weights: Floats, means: Floats, covariances: Floats) -> "Mixture":
        """Return a mixture by its covariances, an array of shape (k, m, m).

        Raises:
            numpy.linalg.LinAlgError: If one is not positive definite.
        """
        return cls(weights, means, np.linalg.cholesky(covariances))

    @property
    def covariances(self) -> Floats:
        """Array of shape (k, m, m)."""
        return self.factors @ self.factors.swapaxes(1, 2)

    def log_densities(self, latents: Floats) -> Floats:
        """Return log(weight * density) of latents (n, m) under each component: shape (n, k)."""
        columns = []
        for weight, mean, factor in zip(self.weights, self.means, self.factors, strict=True):
            scaled = solve_triangular(factor, (latents - mean).T, lower=True)
            constant = len(mean) / 2 * np.log(2 * np.pi) + np.log(np.diag(factor)).sum()
            columns.append(np.log(weight) - constant - (scaled**2).sum(axis=0) / 2)
        return np.stack(columns, axis=1)


def sums(mixture: Mixture, latents: Floats) -> Floats:
    """Return the sums over latents that one round of expectation maximization needs.

    Args:
        mixture: The mixture.
        latents: float64 array of shape (n, m).

    Returns:
        Array of shape (1 + k + k m + k m m,): the log-likelihood, the responsibilities, and with
        these as weights the differences from the means and their products. Differences, since sums
        of squares of the latents would lose digits where the means are large.
    """
    logs = mixture.log_densities(latents)
    totals = logsumexp(logs, axis=1, keepdims=True)
    shares = np.exp(logs - totals)
    first, second = [], []
    for share, mean in zip(shares.T, mixture.means, strict=True):
        differences = latents - mean
        first.append(share @ differences)
        second.append((differences * share[:, None]).T @ differences)
    return np.concatenate(
        [totals.sum(keepdims=True).ravel(), shares.sum(axis=0), np.ravel(first), np.ravel(second)]
    )


def maximized(mixture: Mixture, found: Floats, reg_covar: float) -> Mixture:
    """Return the mixture that maximizes the expected likelihood.

    Args:
        mixture: The mixture that the sums were computed with.
        found: The sums over all latents; see `sums`.
        reg_covar: Added to the variances.

    Raises:
        numpy.linalg.LinAlgError: If a covariance is not positive definite.
    """
    k, m = mixture.means.shape
    counts, first, second = np.split(found[1:], [k, k + k * m])
    counts = counts + 10 * np.finfo(float).eps  # as scikit-learn does: a component may be empty
    shifts = first.reshape(k, m) / counts[:, None]
    covariances = second.reshape(k, m, m) / counts[:, None, None]
    covariances = covariances - shifts[:, :, None] * shifts[:, None] + reg_covar * np.eye(m)
    return Mixture.of(counts / counts.sum(), mixture.means + shifts, covariances)


@dataclass(frozen=True)
class Fit:
    """A fitted mixture.

    Attributes:
        mixture: The mixture.
        log_likelihood: Mean log-likelihood of a latent, in nats.
        n_iter: Number of rounds.
        converged: Whether the last round has changed the log-likelihood by less than `tol`.
    """

    mixture: Mixture
    log_likelihood: float
    n_iter: int
    converged: bool


def fit_mixture(rows: Rows, start: Mixture, *, reg_covar: float, tol: float, max_iter: int) -> Fit:
    """Fit a mixture to all latents by expectation maximization (Dempster et al. 1977).

    Args:
        rows: The latents.
        start: The first mixture.
        reg_covar: Added to the variances.
        tol: Change of the mean log-likelihood below which it has converged.
        max_iter: Maximum number of rounds.

    Raises:
        UserError: If a component collapses.
    """
    mixture, before = start, -np.inf
    for n_iter in range(max_iter + 1):
        found = reduced(rows, partial(sums, mixture))
        now = float(found[0] / rows.n)
        converged = abs(now - before) < tol
        if converged or n_iter == max_iter:
            break
        before = now
        try:
            mixture = maximized(mixture, found, reg_covar)
        except np.linalg.LinAlgError as error:
            raise UserError(
                f"a component of the mixture has collapsed in round {n_iter + 1}: type "
                f"cluster.spark_gmm.reg_covar={reg_covar * 10:g}."
            ) from error
    return Fit(mixture, now, n_iter, converged)
