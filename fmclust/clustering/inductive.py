"""Assign new latents to the clusters of estimators that have no `predict`."""

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.utils.validation import check_is_fitted, validate_data

from fmclust.clustering.sizes import sized_parameters

INNER = "estimator__"  # prefix of the parameters of the wrapped estimator
NOISE = -1  # cluster id of latents that belong to no cluster
FLOATS = (np.float64, np.float32)  # dtypes that are kept; all others become float64


class ParameterError(ValueError, TypeError):
    """An invalid parameter; has the base classes of scikit-learn's InvalidParameterError."""


class InductiveClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # untyped base
    """Add a `predict` by a vote of the nearest fitted latents to an estimator that has none.

    Args:
        estimator: Estimator with `fit_predict`; it is not changed.
        sample: Maximum number of latents to fit to, drawn at random; None for all. All other
            latents get the cluster that `predict` returns.
        n_neighbors: Number of nearest fitted latents that vote; None: see `sized_parameters`,
            also for parameters of the estimator.
        random_state: Seed of the sample.

    Attributes:
        rows_: int64 array of shape (n,): indices of the fitted latents, ascending.
        latents_: Array of shape (n, d): the fitted latents.
        labels_: int64 array of shape (n,): their cluster ids; -1 is noise.
        n_neighbors_: Number of latents that vote.
    """

    def __init__(
        self,
        *,
        estimator: BaseEstimator,
        sample: int | None = None,
        n_neighbors: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.estimator, self.sample = estimator, sample
        self.n_neighbors, self.random_state = n_neighbors, random_state

    def fit(self, X: NDArray[np.floating], y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Fit a copy of the estimator to an array of shape (N, d), or to a sample of it."""
        if self.n_neighbors is not None:
            _require_int(self, "n_neighbors", 1)
        if self.sample is not None:
            _require_int(self, "sample", 2)
        X = validate_data(self, X, dtype=FLOATS)
        shuffled = np.random.default_rng(self.random_state).permutation(len(X))
        self.rows_ = np.sort(shuffled[: self.sample])  # all rows if sample is None
        self.latents_ = X[self.rows_]
        sizes = sized_parameters(self, len(X))
        own = {k.removeprefix(INNER): v for k, v in sizes.items() if k.startswith(INNER)}
        estimator = clone(self.estimator).set_params(**own)
        self.labels_ = estimator.fit_predict(self.latents_).astype(np.int64)
        self.n_neighbors_ = min(self.n_neighbors or sizes["n_neighbors"], len(self.latents_))
        return self

    def predict(self, X: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the most frequent cluster id among the nearest fitted latents: int64 (N,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        voters = KNeighborsClassifier(self.n_neighbors_, n_jobs=-1)
        clusters: NDArray[np.int64] = voters.fit(self.latents_, self.labels_).predict(X)
        return clusters


class GraphAgglomerative(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # untyped base
    """Agglomerative clustering that merges only neighbours in a graph of nearest neighbours.

    Args:
        n_clusters: Number of clusters.
        n_neighbors: Number of neighbours of each latent in the graph; None: see
            `sized_parameters`.
        linkage: scikit-learn's: `ward`, `complete`, `average` or `single`.

    Attributes:
        labels_: int64 array of shape (N,): the cluster ids.
    """

    def __init__(
        self, *, n_clusters: int = 10, n_neighbors: int | None = None, linkage: str = "ward"
    ) -> None:
        self.n_clusters, self.n_neighbors, self.linkage = n_clusters, n_neighbors, linkage

    def fit(self, X: NDArray[np.floating], y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Cluster an array of shape (N, d)."""
        if self.n_neighbors is not None:
            _require_int(self, "n_neighbors", 1)
        tree = AgglomerativeClustering(
            self.n_clusters, linkage=self.linkage, connectivity=self._graph
        )
        self.labels_ = tree.fit_predict(X)
        self.n_features_in_ = tree.n_features_in_
        return self

    def _graph(self, X: NDArray[np.floating]) -> csr_matrix:
        n_neighbors = self.n_neighbors or sized_parameters(self, len(X))["n_neighbors"]
        return kneighbors_graph(X, min(n_neighbors, len(X) - 1), include_self=False, n_jobs=-1)


def _require_int(estimator: BaseEstimator, name: str, minimum: int) -> None:
    value = getattr(estimator, name)
    if not isinstance(value, Integral) or value < minimum:
        raise ParameterError(
            f"The {name!r} parameter of {type(estimator).__name__} must be an int of at least "
            f"{minimum}. Got {value!r} instead."
        )
