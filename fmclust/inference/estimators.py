"""Assign latents by a fitted scikit-learn estimator of a run, for clusterers without arrays."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmclust import clustering
from fmclust.inference.assigning import Found


class EstimatorClusterer:
    """A fitted scikit-learn estimator.

    Args:
        path: `clusterers/<name>.skops` of a run.

    Attributes:
        propagates: Whether the clusters are those of the nearest fitted latents.

    Raises:
        UserError: If the file is damaged, or holds a type that is not trusted.
    """

    def __init__(self, path: Path) -> None:
        self.estimator = clustering.load_clusterer(path)
        last = clustering.estimator_of(self.estimator)
        self.propagates = isinstance(last, clustering.InductiveClusterer)

    def find(self, latents: NDArray[np.floating]) -> Found:
        """Return the clusters of latents, an array of shape (N, d)."""
        clusters = clustering.assign(self.estimator, latents)
        soft = clustering.responsibilities(self.estimator, latents)
        distance = clustering.distances_to_centres(self.estimator, latents, clusters)
        return Found(clusters, None if soft is None else soft.max(axis=1), distance)
