"""Choose the number of clusters by stability: how far clusterings of random halves agree."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from fmclust.clustering.estimators import Floats, Ids, steps_before

MIN_CLUSTERS, MAX_CLUSTERS = 2, 50
MIN_LATENTS = 2 * MIN_CLUSTERS  # for two halves
MAX_SAMPLE = 3000  # latents; more would make every k stable that has one best clustering
MAX_AXES = 64  # dimensions; wider latents, such as pixels, are projected to so many
N_PAIRS = 5  # pairs of halves
MIN_STARTS, MAX_STARTS, START_CENTRES = 3, 10, 80  # starts of k-means: 80 / k, from 3 to 10
AGREEMENT_TOLERANCE = 0.02  # ARI; smaller differences are mostly those of the random halves


def sample_for(clusterer: BaseEstimator, latents: Floats, *, seed: int) -> Floats:
    """Return a random sample of latents as an estimator sees them.

    Args:
        clusterer: Unfitted estimator; if it is a pipeline, its first steps transform the sample.
        latents: float array of shape (N, d).
        seed: Seed of the sample.

    Returns:
        float64 array of shape (n, m), n at most `MAX_SAMPLE`. Latents of more than `MAX_AXES`
        dimensions are first projected to so many principal components, which changes the sums of
        squared distances of k-means little (Cohen et al. 2015, https://arxiv.org/abs/1410.6801).
    """
    chosen = np.random.default_rng(seed).permutation(len(latents))[:MAX_SAMPLE]
    sample = latents[chosen].astype(np.float64)
    if min(sample.shape) > MAX_AXES:
        sample = PCA(MAX_AXES, random_state=seed).fit_transform(sample)
    seen: Floats = clone(steps_before(clusterer)).fit_transform(sample)
    return seen


def numbers_to_try(latents: Floats, most: int) -> range:
    """Return the numbers of clusters to try: 2 to 50, or fewer for few or equal latents.

    Args:
        latents: float array of shape (n, m), n at least `MIN_LATENTS`.
        most: Maximum number of clusters that the clusterers can make.

    Returns:
        A range from 2 to at most a quarter of n, so that a cluster has two latents of each half on
        average, and to at most the number of different latents; 2 is always in it.
    """
    n_different = len(np.unique(latents, axis=0))
    largest = min(MAX_CLUSTERS, most, len(latents) // 4, n_different)
    return range(MIN_CLUSTERS, max(MIN_CLUSTERS, largest) + 1)


def agreement_by_k(
    latents: Floats, numbers: Iterable[int], *, seed: int
) -> Iterator[dict[str, float]]:
    """Compare clusterings of random halves for each number of clusters, without labels.

    The latents are divided at random into two halves, several times. k-means is fitted to both
    halves, each fit assigns all latents, and the adjusted Rand index compares the two assignments
    (Ben-Hur et al. 2002, "A stability based method for discovering structure in clustered data";
    von Luxburg 2010, "Clustering stability: an overview", https://arxiv.org/abs/1007.1075). The
    halves are the same for every k.

    Args:
        latents: float array of shape (n, m), n at least `MIN_LATENTS`.
        numbers: Numbers of clusters to try, each at most n / 2.
        seed: Seed of the halves and of the starts.

    Yields:
        `k`; `agreement`, the mean adjusted Rand index over the pairs of halves (1: equal clusters,
        0: as by chance); `sd`, its standard deviation.
    """
    rng, half = np.random.default_rng(seed), len(latents) // 2
    orders = [rng.permutation(len(latents)) for _ in range(N_PAIRS)]
    for k in numbers:
        found = []
        with threadpool_limits(1):  # threads would wait for each other: the fits are too small
            for order in orders:
                halves = (order[:half], order[half:])
                clusters = [_clusters(latents, rows, k, seed=seed) for rows in halves]
                found.append(adjusted_rand_score(*clusters))
        yield {"k": k, "agreement": float(np.mean(found)), "sd": float(np.std(found, ddof=1))}


def _clusters(latents: Floats, rows: Ids, k: int, *, seed: int) -> Ids:
    """Fit k-means to some of the latents; return the cluster ids of all, int64 of shape (n,)."""
    n_starts = int(np.clip(START_CENTRES // k, MIN_STARTS, MAX_STARTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different latents than k
        fitted = KMeans(k, n_init=n_starts, random_state=seed).fit(latents[rows])
    return np.asarray(fitted.predict(latents), np.int64)


def most_stable(rows: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return the row of the largest k whose agreement is the highest, or hardly lower.

    Fewer clusters than there are often agree as well as the right number, since near clusters are
    merged in the same way in both halves; more clusters do not agree, since where to split one is
    arbitrary. Among equal agreements, the largest k therefore tells most (Ben-Hur et al. 2002;
    Tibshirani and Walther 2005, "Cluster validation by prediction strength").

    Args:
        rows: Rows of `agreement_by_k`, at least one. Agreements that differ from the highest by at
            most `AGREEMENT_TOLERANCE` count as equal to it.
    """
    highest = max(row["agreement"] for row in rows)
    equal = [row for row in rows if row["agreement"] >= highest - AGREEMENT_TOLERANCE]
    return max(equal, key=lambda row: row["k"])
