"""Estimators that only cluster what they are fitted to, and how other latents are assigned."""

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.utils._param_validation import Interval, StrOptions

NOISE = -1  # the cluster id of what an estimator leaves out of all clusters
FROM_ONE = Interval(Integral, 1, None, closed="left")


class InductiveClusterer(ClusterMixin, BaseEstimator):
    """Gives an estimator without `predict` one: by the majority of the nearest fitted latents.

    Args:
        estimator: Has `fit_predict`; left as it is.
        sample: Of how many latents at most it is fitted to, drawn at random; None for all. The
            clusters of the rest are propagated to them.
        n_neighbors: How many of the nearest fitted latents decide.
        random_state: Seed of the sample.

    Attributes:
        rows_: int64 array of shape (n,): which of the latents it was fitted to, ascending.
        latents_: Array of shape (n, d): those latents.
        labels_: int64 array of shape (n,): their cluster ids; -1 is noise.
    """

    _parameter_constraints: ClassVar = {
        "sample": [Interval(Integral, 2, None, closed="left"), None],
        "n_neighbors": [FROM_ONE],
    }

    def __init__(
        self,
        *,
        estimator: BaseEstimator,
        sample: int | None = None,
        n_neighbors: int = 10,
        random_state: int | None = None,
    ) -> None:
        self.estimator, self.sample = estimator, sample
        self.n_neighbors, self.random_state = n_neighbors, random_state

    def fit(self, latents: np.ndarray, y: None = None) -> Self:
        """Fits a copy of the estimator to an array of shape (N, d), or to a sample of it."""
        self.rows_ = np.arange(len(latents))
        if self.sample is not None and self.sample < len(latents):
            shuffled = np.random.default_rng(self.random_state).permutation(len(latents))
            self.rows_ = np.sort(shuffled[: self.sample])
        self.latents_ = latents[self.rows_]
        self.labels_ = clone(self.estimator).fit_predict(self.latents_).astype(np.int64)
        self._neighbors: KNeighborsClassifier | None = None
        return self

    def predict(self, latents: np.ndarray) -> np.ndarray:
        """Returns the cluster ids that most of the nearest fitted latents have: int64 (N,)."""
        if self._neighbors is None:
            n_neighbors = min(self.n_neighbors, len(self.latents_))
            self._neighbors = KNeighborsClassifier(n_neighbors, n_jobs=-1)
            self._neighbors.fit(self.latents_, self.labels_)
        return self._neighbors.predict(latents)

    def __getstate__(self) -> dict[str, Any]:
        # The tree is made anew: its file format is compiled code's, which no reader can check.
        return {**super().__getstate__(), "_neighbors": None}


class GraphAgglomerative(ClusterMixin, BaseEstimator):
    """Agglomerative clustering that merges only what the graph of nearest neighbours connects.

    Args:
        n_clusters: Number of clusters.
        n_neighbors: Neighbours of a latent in the graph.
        linkage: scikit-learn's: `ward`, `complete`, `average` or `single`.

    Attributes:
        labels_: int64 array of shape (N,): the cluster ids.
    """

    _parameter_constraints: ClassVar = {
        "n_clusters": [FROM_ONE],
        "n_neighbors": [FROM_ONE],
        "linkage": [StrOptions({"ward", "complete", "average", "single"})],
    }

    def __init__(
        self, *, n_clusters: int = 10, n_neighbors: int = 10, linkage: str = "ward"
    ) -> None:
        self.n_clusters, self.n_neighbors, self.linkage = n_clusters, n_neighbors, linkage

    def fit(self, latents: np.ndarray, y: None = None) -> Self:
        """Clusters an array of shape (N, d)."""
        n_neighbors = min(self.n_neighbors, len(latents) - 1)
        graph = kneighbors_graph(latents, n_neighbors, include_self=False, n_jobs=-1)
        merging = AgglomerativeClustering(self.n_clusters, linkage=self.linkage, connectivity=graph)
        self.labels_ = merging.fit_predict(latents)
        return self
