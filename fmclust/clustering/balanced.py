"""Clusters of given sizes on the unit sphere, and clusters around given prototypes."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from fmclust.clustering.estimators import Floats
from fmclust.clustering.inductive import FLOATS, ParameterError

MAX_ROUNDS = 40  # of Sinkhorn's iteration
SHARE_TOLERANCE = 1e-4  # relative error of the shares of the clusters


class SphericalClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # untyped base
    """Assign points by cosine similarity to centres, divided by a temperature, plus offsets."""

    sizes_are_prior = True
    temperature: float
    cluster_centers_: Floats
    offsets_: Floats

    def predict(self, X: Floats) -> NDArray[np.int64]:
        """Return the cluster ids, int64 of shape (N,), of an array of shape (N, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        ids: NDArray[np.int64] = self._logits(normalize(X)).argmax(axis=1)
        return ids

    def predict_proba(self, X: Floats) -> Floats:
        """Return the soft assignments, shape (N, k), of an array of shape (N, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        shares: Floats = softmax(self._logits(normalize(X)), axis=1)
        return shares

    def _logits(self, X: Floats) -> Floats:
        logits: Floats = X @ self.cluster_centers_.T / self.temperature + self.offsets_
        return logits


class BalancedKMeans(SphericalClusterer):
    """Spherical k-means whose clusters have given shares of all points.

    The sizes are a prior, not a finding: use it only where you believe them. Points are assigned
    softly by cosine similarity, and one offset for each cluster is set by Sinkhorn's iteration so
    that the clusters get their shares (Cuturi 2013, https://arxiv.org/abs/1306.0895). The same
    offsets assign new points, whose clusters may have any sizes.

    Args:
        n_clusters: Number of clusters.
        sizes: Share of the points of every cluster, in any unit; None for equal shares.
        temperature: Of the cosine similarities, above 0; towards 0 the assignments become hard.
        n_init: Number of starts of k-means, whose best centres are the initial ones.
        max_iter: Maximum number of updates of the centres.
        tol: The fit stops when no centre moves by more than this (squared, on the unit sphere).
        random_state: Seed of the initial centres.

    Attributes:
        cluster_centers_: Array of shape (k, d), of unit length.
        offsets_: Array of shape (k,), added to the similarities divided by the temperature.
        labels_: int64 array of shape (N,): the cluster ids.
        n_iter_: Number of updates of the centres.
        converged_: Whether the fit stopped before `max_iter`.
    """

    def __init__(
        self,
        *,
        n_clusters: int = 10,
        sizes: Sequence[float] | None = None,
        temperature: float = 0.05,
        n_init: int = 10,
        max_iter: int = 100,
        tol: float = 1e-6,
        random_state: int | None = None,
    ) -> None:
        self.n_clusters, self.sizes, self.temperature = n_clusters, sizes, temperature
        self.n_init, self.max_iter, self.tol = n_init, max_iter, tol
        self.random_state = random_state

    def fit(self, X: Floats, y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Fit to an array of shape (N, d)."""
        _require_positive("temperature", self.temperature)
        for name in ("n_clusters", "n_init", "max_iter"):
            _require_whole(name, getattr(self, name))
        shares = self._shares()
        X, k = normalize(validate_data(self, X, dtype=FLOATS)), self.n_clusters
        start = KMeans(k, n_init=self.n_init, random_state=self.random_state).fit(X)
        centres = normalize(start.cluster_centers_)
        if self.sizes is not None:  # the largest share to the largest cluster, whatever its number
            ranked = np.empty(k, np.int64)
            counts = np.bincount(start.labels_, minlength=k)
            ranked[np.argsort(shares, kind="stable")] = np.argsort(counts, kind="stable")
            centres = centres[ranked]
        offsets: Floats = np.zeros(k)
        for n_iter in range(1, self.max_iter + 1):
            logits = X @ centres.T / self.temperature
            offsets = balancing_offsets(logits, shares, offsets)
            moved = normalize(softmax(logits + offsets, axis=1).T @ X)
            change, centres = ((moved - centres) ** 2).sum(axis=1).max(), moved
            self.n_iter_, self.converged_ = n_iter, bool(change <= self.tol)
            if self.converged_:
                break
        self.cluster_centers_ = centres
        self.offsets_ = balancing_offsets(X @ centres.T / self.temperature, shares, offsets)
        self.labels_ = self._logits(X).argmax(axis=1)
        return self

    def _shares(self) -> Floats:
        """Return the shares of the clusters, shape (k,), which sum to 1."""
        if self.sizes is None:
            return np.full(self.n_clusters, 1 / self.n_clusters)
        if len(self.sizes) != self.n_clusters:
            raise ParameterError(
                f"The 'sizes' parameter of BalancedKMeans must have {self.n_clusters} numbers, one "
                f"for each cluster. Got {[*self.sizes]!r} instead."
            )
        for size in self.sizes:
            _require_positive("sizes", size)
        return np.array(self.sizes) / sum(self.sizes)


class PrototypeClusterer(SphericalClusterer):
    """Assign points to the prototypes that an encoder has learned; nothing is fitted.

    Args:
        centres: Array of shape (k, d), the prototypes; None until the encoder is trained.
        offsets: Array of shape (k,), added to the similarities divided by the temperature.
        temperature: Of the cosine similarities, above 0.

    Attributes:
        cluster_centers_: Array of shape (k, d), of unit length.
        offsets_: Array of shape (k,).
        labels_: int64 array of shape (N,): the cluster ids of the points given to `fit`.
    """

    def __init__(
        self,
        *,
        centres: Floats | None = None,
        offsets: Floats | None = None,
        temperature: float = 0.05,
    ) -> None:
        self.centres, self.offsets, self.temperature = centres, offsets, temperature

    def fit(self, X: Floats, y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Assign an array of shape (N, d) to the prototypes."""
        _require_positive("temperature", self.temperature)
        X = validate_data(self, X, dtype=FLOATS)
        if self.centres is None:
            raise ValueError("there are no prototypes: the encoder has none")
        self.cluster_centers_ = normalize(np.asarray(self.centres, X.dtype))
        self.offsets_ = np.zeros(len(self.centres)) if self.offsets is None else self.offsets
        self.labels_ = self.predict(X)
        return self


def balancing_offsets(logits: Floats, shares: Floats, start: Floats) -> Floats:
    """Return offsets by which softmax gives every cluster its share of all rows.

    Args:
        logits: Array of shape (N, k).
        shares: Array of shape (k,) that sums to 1.
        start: Array of shape (k,), the offsets to begin with.

    Returns:
        Array of shape (k,) with mean 0.
    """
    offsets, n = start, len(logits)
    for _ in range(MAX_ROUNDS):
        log_weights = log_softmax(logits + offsets, axis=1)
        missing = np.log(shares * n) - logsumexp(log_weights, axis=0)
        offsets = offsets + missing
        if np.abs(missing).max() < SHARE_TOLERANCE:
            break
    balanced: Floats = offsets - offsets.mean()
    return balanced


def _require_whole(name: str, value: int) -> None:
    if not isinstance(value, Integral) or value < 1:
        raise ParameterError(
            f"The {name!r} parameter must be a whole number from 1 on. Got {value!r} instead."
        )


def _require_positive(name: str, value: float) -> None:
    if not isinstance(value, Real) or value <= 0:
        raise ParameterError(f"The {name!r} parameter must be above 0. Got {value!r} instead.")
