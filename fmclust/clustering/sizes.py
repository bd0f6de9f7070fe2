"""Parameters that follow the number of latents: neighbours and minimum cluster sizes.

A parameter that is None gets a value that is the same for all large numbers of latents and smaller
for small ones.
"""

import math

import numpy as np
from sklearn.base import BaseEstimator

from fmclust.errors import UserError

NEIGHBOURS = (3, 10)  # from, to
CLUSTER_SIZES = (5, 100)  # from, to: of the minimum size of a cluster
SAMPLE = "sample"  # parameter of InductiveClusterer: number of latents that it is fitted to


def sized_parameters(clusterer: BaseEstimator, n_latents: int) -> dict[str, int]:
    """Return a value for each parameter that is None and follows the number of latents.

    `n_neighbors` and `min_samples` are the natural logarithm of the number of latents, rounded and
    from 3 to 10 (for UMAP, twice that); `min_cluster_size` is a hundredth of it, from 5 to 100.

    Args:
        clusterer: An unfitted estimator; with a `sample`, it is fitted to no more latents.
        n_latents: Number of latents.

    Returns:
        Names of parameters, as `get_params` gives them, to numbers.
    """
    n = fitted_number(clusterer, n_latents)
    neighbours = int(np.clip(round(math.log(max(n, 1))), *NEIGHBOURS))
    min_size = int(np.clip(n // 100, *CLUSTER_SIZES))
    values = {"n_neighbors": neighbours, "min_samples": neighbours, "min_cluster_size": min_size}
    found = {}
    for name, value in clusterer.get_params().items():
        prefix, _, key = name.rpartition("__")
        if value is None and key in values:
            owner = clusterer.get_params()[prefix] if prefix else clusterer
            factor = 2 if type(owner).__name__ == "UMAP" else 1
            found[name] = min(factor * values[key], max(largest(key, n), 1))
    return found


def require_few_neighbours(name: str, clusterer: BaseEstimator, n_latents: int) -> None:
    """Refuse more neighbours, or a larger minimum cluster size, than there are latents.

    Args:
        name: Name of the clusterer.
        clusterer: An unfitted estimator.
        n_latents: Number of latents.

    Raises:
        UserError: If a number is too large.
    """
    n = fitted_number(clusterer, n_latents)
    for parameter, value in clusterer.get_params().items():
        key = parameter.rpartition("__")[2]
        if key in ("n_neighbors", "min_samples", "min_cluster_size") and isinstance(value, int):
            typed = f"cluster.{name}.{parameter.replace('__', '.')}="
            if value > (most := largest(key, n)):
                raise UserError(
                    f"{typed}{value} is too large for {n} images: type {typed} with at most {most}."
                )


def fitted_number(clusterer: BaseEstimator, n_latents: int) -> int:
    """Return the number of latents that an estimator is fitted to: `n_latents`, or its sample."""
    parameters = clusterer.get_params()
    samples = [v for name, v in parameters.items() if name.rpartition("__")[2] == SAMPLE]
    return min([n_latents, *(sample for sample in samples if isinstance(sample, int))])


def largest(key: str, n_latents: int) -> int:
    """Return the largest possible value: a latent is no neighbour of itself."""
    return n_latents - 1 if key == "n_neighbors" else n_latents
