"""How well clusters stand apart, without a label."""

import numpy as np
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

SEPARATION = ("silhouette", "davies_bouldin", "calinski_harabasz")
SAMPLE = 5000  # latents: the silhouette compares all pairs


def separation(
    latents: np.ndarray, clusters: np.ndarray, *, sample: int = SAMPLE, seed: int = 0
) -> dict[str, float]:
    """Returns label-free scores of clusters; none where fewer than two clusters are there.

    Args:
        latents: float32 array of shape (N, d).
        clusters: int64 cluster ids of shape (N,); what is noise (-1) is left out.
        sample: Of how many latents, drawn at random.
        seed: What they are drawn from.

    Returns:
        `silhouette` (-1 to 1), `calinski_harabasz` (from 0), both higher for better;
        `davies_bouldin` (from 0), lower for better.
    """
    chosen = np.random.default_rng(seed).permutation(len(latents))[:sample]
    chosen = chosen[clusters[chosen] >= 0]
    latents, clusters = latents[chosen], clusters[chosen]
    if not 1 < len(np.unique(clusters)) < len(clusters):
        return {}
    return {
        "silhouette": float(silhouette_score(latents, clusters)),
        "davies_bouldin": float(davies_bouldin_score(latents, clusters)),
        "calinski_harabasz": float(calinski_harabasz_score(latents, clusters)),
    }
