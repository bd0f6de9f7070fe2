"""Accuracy and confusion matrix as torchmetrics `Metric`s, for Lightning users."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from fmclust.metrics.matching import Confusion, count_pairs


class _Contingency(Metric):
    """Count samples per class and cluster, in a state that is summed over processes.

    Args:
        n_classes: Number of classes.
        n_clusters: Number of clusters; noise is not counted.
        noise: Whether cluster ids may be -1, which is noise.
        **kwargs: Arguments of `torchmetrics.Metric`.
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
        """Add samples: int64 tensors of shape (N,), cluster ids and classes (-1: not counted).

        Raises:
            ValueError: If the shapes differ or an id is out of range.
        """
        pair = (clusters.cpu().numpy(), classes.cpu().numpy())
        counts = count_pairs(*pair, n_clusters=self.n_clusters, n_classes=self.n_classes)
        if counts.shape[1] > self.contingency.shape[1]:
            raise ValueError("a cluster id is -1: build the metric with noise=True")
        self.contingency[:, : counts.shape[1]] += torch.from_numpy(counts).to(self.device)

    def _confusion(self) -> Confusion:
        return Confusion.of(self.contingency.cpu().numpy(), self.n_clusters)


class ClusterAccuracy(_Contingency):
    r"""Hungarian accuracy of clusters against classes (the paper, section 5: CoClust accuracy).

    .. math:: \max_{m} \frac{1}{N} \sum_{i=1}^{N} 1[m(c_i) = y_i]

    over all one-to-one maps :math:`m` of cluster ids :math:`c` to classes :math:`y`
    (Yang et al. 2010, "Image clustering using local discriminant models and global integration";
    the best map by Kuhn 1955, "The Hungarian method for the assignment problem").

    Examples:
        >>> import torch
        >>> accuracy = ClusterAccuracy(n_classes=2, n_clusters=2)
        >>> accuracy.update(torch.tensor([1, 1, 0, 0]), torch.tensor([0, 0, 1, 0]))
        >>> accuracy.compute()
        tensor(0.7500, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the accuracy in 0..1 as a float64 scalar."""
        return torch.tensor(self._confusion().accuracy, dtype=torch.float64)


class MatchedConfusion(_Contingency):
    """Confusion matrix whose column j counts the cluster matched to class j.

    The matching is that of `ClusterAccuracy`. Unmatched clusters follow, then noise.

    Examples:
        >>> import torch
        >>> confusion = MatchedConfusion(n_classes=2, n_clusters=2)
        >>> confusion.update(torch.tensor([1, 1, 0, 0]), torch.tensor([0, 0, 1, 0]))
        >>> confusion.compute()
        tensor([[2, 1],
                [0, 1]])
    """

    def compute(self) -> Tensor:
        """Return an int64 tensor; see `Confusion.matched`."""
        return torch.from_numpy(self._confusion().matched)
