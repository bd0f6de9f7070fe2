"""Hungarian matching of clusters to classes, accuracy and confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

MAX_NAMES = 50  # classes or clusters; with more of them a confusion matrix has no names


def count_pairs(
    clusters: NDArray[np.integer], classes: NDArray[np.integer], *, n_clusters: int, n_classes: int
) -> NDArray[np.int64]:
    """Count the samples of every class in every cluster: the contingency table.

    Args:
        clusters: int array of shape (N,), cluster ids in 0..n_clusters-1; -1 is noise.
        classes: int array of shape (N,), in 0..n_classes-1; -1 is no label: not counted.
        n_clusters: Number of clusters, empty ones included.
        n_classes: Number of classes.

    Returns:
        int64 array of shape (n_classes, n_clusters); if there is noise, an additional last column
        counts it.

    Raises:
        ValueError: If the shapes differ or an id is out of range.

    Examples:
        >>> import numpy as np
        >>> clusters, classes = np.array([0, 0, 1, -1]), np.array([1, 1, 0, 0])
        >>> count_pairs(clusters, classes, n_clusters=2, n_classes=2).tolist()
        [[0, 1, 1], [2, 0, 0]]
    """
    if clusters.shape != classes.shape:
        raise ValueError(f"{clusters.shape} clusters but {classes.shape} classes")
    limits = (("cluster id", clusters, n_clusters), ("class", classes, n_classes))
    for name, ids, n in limits:
        if ids.size and not (ids.min() >= -1 and ids.max() < n):
            raise ValueError(f"a {name} is outside -1..{n - 1}")
    clusters, classes = clusters[classes >= 0], classes[classes >= 0]
    counts = np.zeros((n_classes, n_clusters + 1), np.int64)
    np.add.at(counts, (classes, clusters), 1)  # noise, -1, is counted in the last column
    return counts if (clusters < 0).any() else counts[:, :-1]


def match_clusters(contingency: NDArray[np.integer]) -> dict[int, int]:
    """Match clusters to classes one to one so that the most samples agree (Kuhn 1955).

    Args:
        contingency: int array of shape (n_classes, n_clusters), samples per pair; no noise.

    Returns:
        Cluster id to class; with more clusters than classes, some clusters have no entry.

    Examples:
        >>> match_clusters(np.array([[0, 9], [7, 2]]))
        {1: 0, 0: 1}
    """
    classes, clusters = linear_sum_assignment(contingency, maximize=True)
    return {int(cluster): int(cls) for cls, cluster in zip(classes, clusters, strict=True)}


@dataclass(frozen=True)
class Confusion:
    """Samples of every class in every cluster, and the matching of clusters to classes.

    Attributes:
        raw: int64 array of shape (n_classes, n_clusters); if there is noise, an additional last
            column counts it.
        n_clusters: Number of clusters; noise is not counted.
        matching: Cluster id to class; noise and unmatched clusters have no entry.
    """

    raw: NDArray[np.int64]
    n_clusters: int
    matching: Mapping[int, int]

    @classmethod
    def of(cls, raw: NDArray[np.int64], n_clusters: int) -> "Confusion":
        """Match the clusters of a contingency table to classes; see `raw`."""
        return cls(raw, n_clusters, match_clusters(raw[:, :n_clusters]))

    @property
    def has_noise(self) -> bool:
        """Whether the last column counts noise."""
        return bool(self.raw.shape[1] > self.n_clusters)

    @property
    def accuracy(self) -> float:
        """Share of samples whose cluster is matched to their class (the paper, section 5)."""
        agreed = sum(self.raw[cls, cluster] for cluster, cls in self.matching.items())
        return float(agreed / max(self.raw.sum(), 1))

    @property
    def matched(self) -> NDArray[np.int64]:
        """Confusion matrix, int64, whose column j counts the cluster matched to class j.

        Its shape is (n_classes, max(n_classes, n_clusters)). Unmatched clusters follow the matched
        ones; if there is noise, an additional last column counts it.
        """
        n_classes = len(self.raw)
        n_columns = max(n_classes, self.n_clusters) + int(self.has_noise)
        matched = np.zeros((n_classes, n_columns), dtype=np.int64)
        spare = iter(range(n_classes, n_columns))
        for cluster in range(self.raw.shape[1]):
            column = self.matching[cluster] if cluster in self.matching else next(spare)
            matched[:, column] = self.raw[:, cluster]
        return matched

    def matched_columns(self, class_names: Sequence[str]) -> list[str]:
        """Return a name for each column of `matched`: its class and its cluster."""
        cluster_of = {cls: cluster for cluster, cls in self.matching.items()}
        names = [f"{name} ({cluster_of.get(i, 'none')})" for i, name in enumerate(class_names)]
        names += [f"unmatched ({n})" for n in range(self.n_clusters) if n not in self.matching]
        return [*names, *["noise"] * self.has_noise]

    def largest(self, n: int) -> list[tuple[int, int, int]]:
        """Return the most frequent confusions: class, class of the cluster, number of samples.

        Args:
            n: Maximum number of confusions; those of no sample are left out.
        """
        n_classes = len(self.raw)
        confused = self.matched[:, :n_classes] * (1 - np.eye(n_classes, dtype=np.int64))
        order = np.argsort(-confused, axis=None, kind="stable")[:n]
        pairs = zip(*np.unravel_index(order, confused.shape), strict=True)
        found = [(int(cls), int(other), int(confused[cls, other])) for cls, other in pairs]
        return [confusion for confusion in found if confusion[2]]


def confusion_of(
    clusters: NDArray[np.integer], classes: NDArray[np.integer], *, n_clusters: int, n_classes: int
) -> Confusion:
    """Count int cluster ids (N,) against int classes (N,), and match them.

    A cluster id of -1 is noise; images of class -1 have no label and are not counted.

    Raises:
        ValueError: If the shapes differ or an id is out of range.

    Examples:
        >>> clusters, classes = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 0])
        >>> confusion = confusion_of(clusters, classes, n_clusters=2, n_classes=2)
        >>> confusion.accuracy, confusion.matched.tolist()
        (0.75, [[2, 1], [0, 1]])
    """
    raw = count_pairs(clusters, classes, n_clusters=n_clusters, n_classes=n_classes)
    return Confusion.of(raw, n_clusters)
