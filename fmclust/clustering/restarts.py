"""Local optima of k-means: fit from many starts and group the starts that reach the same one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from fmclust.clustering.estimators import Floats
from fmclust.clustering.fitting import assign, fit

# Maximum relative difference of two inertias of one optimum, since a fit stops shortly before it.
INERTIA_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Start:
    """Result of k-means from one start.

    Attributes:
        way: Name of the way to choose the initial centres.
        seed: Seed of the start.
        inertia: Sum of squared distances to the centres.
        n_iter: Number of iterations.
        clusters: int64 cluster ids of shape (N,).
    """

    way: str
    seed: int
    inertia: float
    n_iter: int
    clusters: NDArray[np.int64]


def fit_from_starts(
    ways: Mapping[str, BaseEstimator], latents: Floats, seeds: Sequence[int]
) -> Iterator[Start]:
    """Fit each estimator once for every seed.

    Args:
        ways: Name to unfitted KMeans with `n_init=1`.
        latents: float64 array of shape (N, d). In float32, the final inertia of 70,000 x 784
            pixels is too high by a factor of 1 + 1e-5 or more, as much as two optima may differ.
        seeds: Seeds of the starts.

    Raises:
        UserError: If an estimator rejects its parameters or the latents.
    """
    for seed in seeds:
        for way, clusterer in ways.items():
            fitted, _ = fit(clone(clusterer).set_params(random_state=seed), latents)
            clusters = assign(fitted, latents)
            yield Start(way, seed, float(fitted.inertia_), int(fitted.n_iter_), clusters)


def distinct_optima(starts: Sequence[Start]) -> list[list[Start]]:
    """Group the starts that reach equal inertias; the group of the lowest inertia is first."""
    groups: list[list[Start]] = []
    for start in sorted(starts, key=lambda start: start.inertia):
        if groups and start.inertia <= groups[-1][0].inertia * (1 + INERTIA_TOLERANCE):
            groups[-1].append(start)
        else:
            groups.append([start])
    return groups
