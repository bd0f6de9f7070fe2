"""The local optima of k-means: many starts, and which of them end at the same one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone

from fmclust.clustering.fitting import assign, fit

INERTIA_TOLERANCE = (
    1e-5  # relative difference of two inertias of one optimum: fitting ends a little before it
)


@dataclass(frozen=True)
class Start:
    """What one start of k-means ended at.

    Attributes:
        way: How it was started.
        seed: The seed of the start.
        inertia: Sum of squared distances to the centres.
        n_iter: Iterations.
        clusters: int64 cluster ids of shape (N,).
    """

    way: str
    seed: int
    inertia: float
    n_iter: int
    clusters: np.ndarray


def fit_from_starts(
    ways: Mapping[str, BaseEstimator], latents: np.ndarray, seeds: Sequence[int]
) -> Iterator[Start]:
    """Fits estimators of one start each, once for every seed.

    Args:
        ways: Name to unfitted KMeans.
        latents: float array of shape (N, d). In single precision 70,000 x 784 pixels end some
            hundred-thousandths of the inertia early, which is as far as optima may lie apart.
        seeds: Of the starts.

    Raises:
        UserError: If an estimator refuses its parameters or the latents.
    """
    for seed in seeds:
        for way, clusterer in ways.items():
            fitted, _ = fit(clone(clusterer).set_params(random_state=seed), latents)
            clusters = assign(fitted, latents)
            yield Start(way, seed, float(fitted.inertia_), int(fitted.n_iter_), clusters)


def distinct_optima(starts: Sequence[Start]) -> list[list[Start]]:
    """Groups starts by their inertia, the least first: one group for each local optimum."""
    groups: list[list[Start]] = []
    for start in sorted(starts, key=lambda start: start.inertia):
        if groups and start.inertia <= groups[-1][0].inertia * (1 + INERTIA_TOLERANCE):
            groups[-1].append(start)
        else:
            groups.append([start])
    return groups
