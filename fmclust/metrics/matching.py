"""The Hungarian matching of clusters to classes, and what is scored by it."""

from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torchmetrics import Metric


def match_clusters(contingency: np.ndarray) -> dict[int, int]:
    """Matches clusters to classes one to one so that the most samples agree.

    Args:
        contingency: int array of shape (n_classes, n_clusters), samples per pair.

    Returns:
        Cluster id to class; clusters beyond the number of classes have no entry.
    """
    classes, clusters = linear_sum_assignment(contingency, maximize=True)
    return {int(cluster): int(cls) for cls, cluster in zip(classes, clusters, strict=True)}


class _Contingency(Metric):
    """Counts samples per (class, cluster) as a state that sums over processes.

    Args:
        n_classes: Number of classes.
        n_clusters: Number of clusters, noise aside.
        noise: Whether -1, what a clusterer leaves out, counts as a cluster that matches no class:
            the last column.
        **kwargs: torchmetrics' own.
    """

    full_state_update = False
    contingency: Tensor

    def __init__(
        self, n_classes: int, n_clusters: int, *, noise: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_classes, self.n_clusters, self.noise = n_classes, n_clusters, noise
        zeros = torch.zeros(n_classes, n_clusters + noise, dtype=torch.int64)
        self.add_state("contingency", zeros, dist_reduce_fx="sum")

    def update(self, clusters: Tensor, classes: Tensor) -> None:
        """Adds samples: int64 tensors of shape (N,), cluster ids and classes.

        Raises:
            ValueError: If the shapes differ or an id is out of range.
        """
        if clusters.shape != classes.shape:
            raise ValueError(f"{clusters.shape} clusters but {classes.shape} classes")
        for name, ids, least, n in (
            ("cluster id", clusters, -int(self.noise), self.n_clusters),
            ("class", classes, 0, self.n_classes),
        ):
            if ids.numel() and not (least <= int(ids.min()) and int(ids.max()) < n):
                raise ValueError(f"a {name} is outside {least}..{n - 1}")
        shape = self.contingency.shape
        columns = torch.where(clusters < 0, self.n_clusters, clusters.long())
        pairs = classes.long() * shape[1] + columns
        self.contingency += torch.bincount(pairs.flatten(), minlength=shape.numel()).view(shape)

    def matching(self) -> dict[int, int]:
        """Returns cluster id to class; noise has none."""
        return match_clusters(self.contingency[:, : self.n_clusters].cpu().numpy())


class ClusterAccuracy(_Contingency):
    """Share of samples whose cluster is matched to their class (the paper's section 5)."""

    def compute(self) -> Tensor:
        """Returns the accuracy in 0..1 as a float64 scalar."""
        counts = self.contingency.cpu().numpy()
        agreed = sum(counts[cls, cluster] for cluster, cls in self.matching().items())
        return torch.tensor(agreed / max(counts.sum(), 1), dtype=torch.float64)


class MatchedConfusion(_Contingency):
    """Confusion matrix whose column j is the cluster matched to class j."""

    def compute(self) -> Tensor:
        """Returns int64 (n_classes, columns): one for each class, unmatched clusters, noise."""
        counts = self.contingency.cpu().numpy()
        matching = self.matching()
        n_columns = max(self.n_classes, self.n_clusters) + self.noise
        matched = np.zeros((self.n_classes, n_columns), dtype=np.int64)
        spare = iter(range(self.n_classes, n_columns))
        for cluster in range(counts.shape[1]):
            column = matching[cluster] if cluster in matching else next(spare)
            matched[:, column] = counts[:, cluster]
        return torch.from_numpy(matched)


def confusion_of(
    clusters: np.ndarray, classes: np.ndarray, *, n_clusters: int, n_classes: int
) -> MatchedConfusion:
    """Counts int64 cluster ids of shape (N,), -1 for noise, against int64 classes."""
    # One process has all samples: it must not wait for others.
    noise = bool((clusters < 0).any())
    confusion = MatchedConfusion(n_classes, n_clusters, noise=noise, sync_on_compute=False)
    confusion.update(torch.from_numpy(clusters), torch.from_numpy(classes))
    return confusion
