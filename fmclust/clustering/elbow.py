"""Choose the number of clusters: label-free statistics for each k, and the knee of a curve."""

import logging
from collections.abc import Iterable, Iterator, Sequence

from sklearn.base import BaseEstimator, clone

from fmclust.clustering.estimators import Floats, innermost, n_clusters_key
from fmclust.clustering.fitting import assign, fit, own_statistics
from fmclust.clustering.internal_scores import separation
from fmclust.errors import UserError

log = logging.getLogger(__name__)


def statistics_by_k(
    clusterer: BaseEstimator, latents: Floats, numbers: Iterable[int], *, sample: int, seed: int
) -> Iterator[dict[str, float]]:
    """Fit an estimator once for each number of clusters.

    Args:
        clusterer: Unfitted estimator; it is not changed.
        latents: float array of shape (N, d); the estimators work in its dtype.
        numbers: Numbers of clusters to try.
        sample: Number of latents, drawn at random, from which `separation` is computed.
        seed: Seed of that sample.

    Yields:
        `k`; the statistics of `own_statistics`; `score`, as scikit-learn defines it: minus the
        inertia of k-means, or the mean log-likelihood of a mixture; for two or more clusters, the
        scores of `separation`.

    Raises:
        UserError: If the estimator rejects its parameters or the latents, or has neither an
            inertia nor a BIC.
    """
    key = n_clusters_key(clusterer)
    if key is None:
        raise UserError(
            f"{type(innermost(clusterer)[1]).__name__} has no number of clusters to choose: "
            "type cluster=kmeans or cluster=gmm."
        )
    for k in numbers:
        fitted, warned = fit(clone(clusterer).set_params(**{key: k}), latents)
        for text in warned:
            log.warning("k = %d: %s", k, text)
        statistics = own_statistics(fitted, latents)
        if not statistics.keys() & {"inertia", "bic"}:
            raise UserError(
                f"{type(innermost(clusterer)[1]).__name__} has neither an inertia nor a BIC: "
                "type cluster=kmeans or cluster=gmm."
            )
        score = statistics.get("log_likelihood", -statistics.get("inertia", 0))
        scores = separation(latents, assign(fitted, latents), sample=sample, seed=seed)
        yield {"k": float(k), **statistics, "score": score, **scores}


def knee(numbers: Sequence[float], values: Sequence[float]) -> int | None:
    """Return the knee of a falling convex curve, or None if it has no knee.

    The package kneed finds the point of largest curvature (Satopää et al. 2011, "Finding a
    kneedle in a haystack").

    Args:
        numbers: Numbers of clusters, in ascending order.
        values: A statistic for each number, such as the inertia.
    """
    from kneed import KneeLocator  # imported here: only the command elbow needs it

    if len(numbers) < 3:
        return None
    found = KneeLocator(numbers, values, curve="convex", direction="decreasing").knee
    return None if found is None else int(found)
