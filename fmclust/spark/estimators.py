"""Clusterers that are fitted to the rows of a Spark table; the result is scikit-learn's.

No Java and no pickle is needed to use a fitted clusterer.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline

from fmclust.clustering import fit, pipeline
from fmclust.errors import UserError, require_number, require_whole
from fmclust.spark.latents import COLUMN, Rows, to_array, transformed
from fmclust.spark.mixture import Fit, Mixture, fit_mixture
from fmclust.spark.preprocessing import fit_steps, vectors_of

if TYPE_CHECKING:
    from pyspark.ml.clustering import KMeansModel

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Fitted:
    """A fitted clusterer.

    Attributes:
        estimator: Fitted estimator of scikit-learn.
        statistics: Label-free statistics of all rows; see `fmclust.clustering.own_statistics`.
        warnings: What the user has to know.
    """

    estimator: BaseEstimator
    statistics: Mapping[str, float]
    warnings: list[str]


class SparkClusterer(BaseEstimator, ABC):  # type: ignore[misc]  # untyped base
    """A clusterer that is fitted to the rows of a Spark table.

    Attributes:
        preprocessing: See `fit_steps`.
    """

    preprocessing: str | None

    @abstractmethod
    def check(self) -> None:
        """Check the parameters; raise UserError if one is out of range."""

    @abstractmethod
    def fit_last(self, inputs: Rows) -> Fitted:
        """Fit to rows after the preprocessing."""

    def fit_rows(self, rows: Rows) -> Fitted:
        """Fit to all rows.

        Raises:
            UserError: If the rows are too few, or can't be clustered.
        """
        steps = fit_steps(rows, self.preprocessing)
        inputs = transformed(rows, Pipeline([*steps.items()])) if steps else rows
        inputs.table.persist()  # read in every round
        fitted = self.fit_last(inputs)
        inputs.table.unpersist()
        made = pipeline(**steps, last=fitted.estimator) if steps else fitted.estimator
        made.fitted_dtype_ = "float64"
        return replace(fitted, estimator=made)


class SparkKMeans(SparkClusterer):
    """k-means by MLlib: k-means|| (Bahmani et al. 2012), then Lloyd's algorithm.

    Args:
        n_clusters: Number of clusters, at least 2.
        preprocessing: See `fit_steps`.
        n_init: Number of starts; the lowest inertia is kept.
        init_steps: Rounds of k-means||.
        max_iter: Maximum number of rounds.
        tol: Distance of the centres between two rounds below which it has converged.
        random_state: Seed.
    """

    def __init__(
        self,
        *,
        n_clusters: int = 10,
        preprocessing: str | None = None,
        n_init: int = 3,
        init_steps: int = 2,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: int = 0,
    ) -> None:
        self.n_clusters, self.preprocessing = n_clusters, preprocessing
        self.n_init, self.init_steps = n_init, init_steps
        self.max_iter, self.tol, self.random_state = max_iter, tol, random_state

    def check(self) -> None:
        """Check the parameters; raise UserError if one is out of range."""
        require_whole("n_clusters", self.n_clusters, 2)  # MLlib's minimum
        require_whole("cluster.spark_kmeans.n_init", self.n_init, 1)
        require_whole("cluster.spark_kmeans.init_steps", self.init_steps, 1)
        require_whole("cluster.spark_kmeans.max_iter", self.max_iter, 1)
        require_number("cluster.spark_kmeans.tol", self.tol)

    def fit_last(self, inputs: Rows) -> Fitted:
        """Fit to rows after the preprocessing."""
        from pyspark.ml import clustering

        _require_enough(inputs, self.n_clusters)
        kmeans = clustering.KMeans(
            k=self.n_clusters,
            featuresCol="vectors",
            initSteps=self.init_steps,
            maxIter=self.max_iter,
            tol=self.tol,
        )
        vectors, seed = vectors_of(inputs), self.random_state
        models = [kmeans.setSeed(seed + n).fit(vectors) for n in range(self.n_init)]
        best = min(models, key=lambda model: model.summary.trainingCost)
        return _fitted_kmeans(best, self.n_clusters, self.max_iter)


class SparkGaussianMixture(SparkClusterer):
    """A Gaussian mixture with full covariances, by expectation maximization over all rows.

    It starts from scikit-learn's mixture of a sample, since MLlib's starts at random and stops at
    worse optima.

    Args:
        n_components: Number of components.
        preprocessing: See `fit_steps`.
        sample: Number of rows that the first mixture is fitted to.
        tol: Change of the mean log-likelihood below which it has converged.
        reg_covar: Added to the variances.
        max_iter: Maximum number of rounds.
        random_state: Seed.
    """

    def __init__(
        self,
        *,
        n_components: int = 10,
        preprocessing: str | None = None,
        sample: int = 100_000,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 300,
        random_state: int = 0,
    ) -> None:
        self.n_components, self.preprocessing, self.sample = n_components, preprocessing, sample
        self.tol, self.reg_covar, self.max_iter = tol, reg_covar, max_iter
        self.random_state = random_state

    def check(self) -> None:
        """Check the parameters; raise UserError if one is out of range."""
        require_whole("n_clusters", self.n_components, 1)
        require_whole("cluster.spark_gmm.sample", self.sample, 2)
        require_whole("cluster.spark_gmm.max_iter", self.max_iter, 1)
        require_number("cluster.spark_gmm.tol", self.tol)
        require_number("cluster.spark_gmm.reg_covar", self.reg_covar)

    def fit_last(self, inputs: Rows) -> Fitted:
        """Fit to rows after the preprocessing."""
        _require_enough(inputs, self.n_components)
        unfitted = GaussianMixture(
            self.n_components,
            tol=self.tol,
            reg_covar=self.reg_covar,
            max_iter=self.max_iter,
            random_state=self.random_state,
        )
        first, _ = fit(unfitted, sample_of(inputs, self.sample, self.random_state))
        start = Mixture.of(first.weights_, first.means_, first.covariances_)
        found = fit_mixture(
            inputs, start, reg_covar=first.reg_covar, tol=self.tol, max_iter=self.max_iter
        )
        fitted = _fitted_mixture(found, first, inputs.n)
        if first.reg_covar != self.reg_covar:
            fitted.warnings.append(f"reg_covar was too small for the sample: {first.reg_covar:g}")
        return fitted


def sample_of(rows: Rows, n: int, seed: int) -> Floats:
    """Return about n latents at random, or all if there are fewer: float64 (n, d)."""
    fraction = min(1.0, n / rows.n)
    chosen = rows.table.select(COLUMN).sample(fraction=fraction, seed=seed)
    found = chosen if fraction < 1 else rows.table.select(COLUMN)
    batches = found.toArrow().to_batches()
    return np.concatenate([to_array(batch, rows.d) for batch in batches])


def _require_enough(rows: Rows, n_clusters: int) -> None:
    if rows.n < n_clusters:
        raise UserError(
            f"{n_clusters} clusters are more than the {rows.n} latents: type n_clusters= with at "
            f"most {rows.n}."
        )


def _fitted_kmeans(model: "KMeansModel", n_clusters: int, max_iter: int) -> Fitted:
    """Return k-means of scikit-learn with the centres that MLlib has found."""
    centres, summary, warnings = np.stack(model.clusterCenters()), model.summary, []
    if len(centres) < n_clusters:  # there are fewer distinct latents
        warnings.append(f"MLlib has found {len(centres)} clusters, not {n_clusters}")
    converged = summary.numIter < max_iter
    if not converged:
        warnings.append(f"k-means has not converged in {max_iter} rounds")
    # Of its own centres, each of which is a cluster of one: the centres stay.
    estimator = KMeans(len(centres), init=centres, n_init=1, max_iter=1).fit(centres)
    estimator.cluster_centers_ = centres
    estimator.inertia_, estimator.n_iter_ = summary.trainingCost, summary.numIter
    statistics = {"inertia": summary.trainingCost, "n_iter": float(summary.numIter)}
    return Fitted(estimator, statistics, warnings)


def _fitted_mixture(found: Fit, first: GaussianMixture, n: int) -> Fitted:
    """Return a mixture of scikit-learn with the parameters that were fitted on Spark."""
    mixture, (k, m) = found.mixture, found.mixture.means.shape
    identity = np.eye(m)
    inverse = [np.linalg.solve(factor, identity).T for factor in mixture.factors]
    first.weights_, first.means_ = mixture.weights, mixture.means
    first.covariances_, first.precisions_cholesky_ = mixture.covariances, np.stack(inverse)
    first.precisions_ = first.precisions_cholesky_ @ first.precisions_cholesky_.swapaxes(1, 2)
    first.converged_, first.n_iter_ = found.converged, found.n_iter
    first.lower_bound_ = found.log_likelihood
    n_parameters = k * m * (m + 1) // 2 + k * m + k - 1
    deviance = -2 * found.log_likelihood * n
    statistics = {
        "log_likelihood": found.log_likelihood,
        "bic": deviance + n_parameters * np.log(n),
        "aic": deviance + 2 * n_parameters,
        "n_iter": float(found.n_iter),
        "converged": float(found.converged),
    }
    warned = [] if found.converged else [f"the mixture has not converged in {found.n_iter} rounds"]
    return Fitted(first, statistics, warned)
