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
    """Counts samples per (class, cluster) as a state that sums over processes."""

    full_state_update = False
    contingency: Tensor

    def __init__(self, n_classes: int, n_clusters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_classes, self.n_clusters = n_classes, n_clusters
        zeros = torch.zeros(n_classes, n_clusters, dtype=torch.int64)
        self.add_state("contingency", zeros, dist_reduce_fx="sum")

    def update(self, clusters: Tensor, classes: Tensor) -> None:
        """Adds samples: int64 tensors of shape (N,), cluster ids and classes.

        Raises:
            ValueError: If the shapes differ or an id is out of range.
        """
        if clusters.shape != classes.shape:
            raise ValueError(f"{clusters.shape} clusters but {classes.shape} classes")
        for name, ids, n in (
            ("cluster id", clusters, self.n_clusters),
            ("class", classes, self.n_classes),
        ):
            if ids.numel() and not (0 <= int(ids.min()) and int(ids.max()) < n):
                raise ValueError(f"a {name} is outside 0..{n - 1}")
        pairs = classes.long() * self.n_clusters + clusters.long()
        counts = torch.bincount(pairs.flatten(), minlength=self.n_classes * self.n_clusters)
        self.contingency += counts.view(self.n_classes, self.n_clusters)


class ClusterAccuracy(_Contingency):
    """Share of samples whose cluster is matched to their class (the paper's section 5)."""

    def compute(self) -> Tensor:
        """Returns the accuracy in 0..1 as a float64 scalar."""
        counts = self.contingency.cpu().numpy()
        agreed = sum(counts[cls, cluster] for cluster, cls in match_clusters(counts).items())
        return torch.tensor(agreed / max(counts.sum(), 1), dtype=torch.float64)


class MatchedConfusion(_Contingency):
    """Confusion matrix whose column j is the cluster matched to class j."""

    def compute(self) -> Tensor:
        """Returns int64 (n_classes, max(n_classes, n_clusters)); unmatched clusters last."""
        counts = self.contingency.cpu().numpy()
        matching = match_clusters(counts)
        matched = np.zeros((self.n_classes, max(counts.shape)), dtype=np.int64)
        spare = iter(range(self.n_classes, matched.shape[1]))
        for cluster in range(self.n_clusters):
            column = matching[cluster] if cluster in matching else next(spare)
            matched[:, column] = counts[:, cluster]
        return torch.from_numpy(matched)
