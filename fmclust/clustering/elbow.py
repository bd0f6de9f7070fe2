"""How many clusters: label-free statistics against k, and the knee of their curve."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone

from fmclust.clustering.estimators import estimator_of, n_clusters_key
from fmclust.clustering.fitting import assign, fit, own_statistics
from fmclust.clustering.internal_scores import separation
from fmclust.errors import UserError


def statistics_by_k(
    clusterer: BaseEstimator,
    latents: np.ndarray,
    numbers: Iterable[int],
    *,
    sample: int,
    seed: int,
) -> Iterator[dict[str, float]]:
    """Fits an estimator once for each number of clusters.

    Args:
        clusterer: Unfitted estimator; left as it is.
        latents: float32 array of shape (N, d).
        numbers: Numbers of clusters to try.
        sample: How many latents `separation` is taken of.
        seed: What that sample is drawn from.

    Yields:
        `k`; what `own_statistics` gives; `score`, scikit-learn's: minus the inertia of k-means, the
        mean log-likelihood of a mixture; and from two clusters on what `separation` gives.

    Raises:
        UserError: If the estimator refuses its parameters or the latents.
    """
    key = n_clusters_key(clusterer)
    if key is None:
        raise UserError(f"{type(clusterer).__name__} takes no number of clusters to choose.")
    for k in numbers:
        fitted, _ = fit(clone(clusterer).set_params(**{key: k}), latents)
        statistics = {"k": float(k), **own_statistics(fitted, latents)}
        if not {"inertia", "bic"} & statistics.keys():
            name = type(estimator_of(clusterer)).__name__
            raise UserError(
                f"{name} has neither an inertia nor a BIC: type cluster=kmeans or cluster=gmm."
            )
        inertia = statistics.get("inertia")
        statistics["score"] = statistics["log_likelihood"] if inertia is None else -inertia
        yield statistics | separation(latents, assign(fitted, latents), sample=sample, seed=seed)


def knee(numbers: Sequence[float], values: Sequence[float]) -> int | None:
    """Returns where a falling convex curve bends most, by kneed (Satopää et al. 2011), or None.

    Args:
        numbers: Numbers of clusters, rising.
        values: A statistic for each, such as the inertia.
    """
    from kneed import KneeLocator  # the main job does without it

    if len(numbers) < 3:
        return None
    found = KneeLocator(numbers, values, curve="convex", direction="decreasing").knee
    return None if found is None else int(found)
