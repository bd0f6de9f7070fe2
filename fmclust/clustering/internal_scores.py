"""Scores of how well clusters are separated, computed without labels."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

SCORES = {
    "silhouette": silhouette_score,
    "davies_bouldin": davies_bouldin_score,
    "calinski_harabasz": calinski_harabasz_score,
}
MAX_SAMPLE = 5000  # latents: the silhouette compares all pairs


def separation(
    latents: NDArray[np.floating],
    clusters: NDArray[np.int64],
    *,
    sample: int = MAX_SAMPLE,
    seed: int = 0,
) -> dict[str, float]:
    """Return label-free scores of clusters, or {} if there are fewer than two clusters.

    Args:
        latents: float array of shape (N, d).
        clusters: int64 cluster ids of shape (N,); noise (-1) is left out.
        sample: Maximum number of latents to compare, drawn at random.
        seed: Seed of the sample.

    Returns:
        `silhouette` (-1 to 1, higher is better; Rousseeuw 1987), `davies_bouldin` (from 0, lower
        is better; Davies and Bouldin 1979), `calinski_harabasz` (from 0, higher is better;
        Caliński and Harabasz 1974).
    """
    chosen = np.random.default_rng(seed).permutation(len(latents))[:sample]
    chosen = chosen[clusters[chosen] >= 0]
    latents, clusters = latents[chosen], clusters[chosen]
    if not 1 < len(np.unique(clusters)) < len(clusters):
        return {}
    return {name: float(score(latents, clusters)) for name, score in SCORES.items()}
