"""A run's assignments.csv, read back."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmclust.errors import reading
from fmclust.runs.layout import ASSIGNMENTS
from fmclust.runs.manifest import verified


def read_assignments(directory: Path, clusterer: str) -> dict[str, np.ndarray]:
    """Returns split to cluster ids, int64 of shape (N,).

    Args:
        directory: A finished run's.
        clusterer: Whose clusters.
    """
    return _column(directory, "cluster", clusterer)


def read_classes(directory: Path) -> dict[str, np.ndarray]:
    """Returns split to classes, int64 of shape (N,), of a finished run; of those with labels."""
    return _column(directory, "class")


@dataclass(frozen=True)
class Assigned:
    """What assignments.csv says of one split by one clusterer.

    Attributes:
        clusters: int64 array of shape (N,).
        classes: int64 array of shape (N,); None without labels.
        probability: float array of shape (N,); None if the clusterer is no mixture.
    """

    clusters: np.ndarray
    classes: np.ndarray | None
    probability: np.ndarray | None


def read_assigned(directory: Path, clusterer: str, split: str) -> Assigned:
    """Reads one split of assignments.csv.

    Args:
        directory: What holds the file.
        clusterer: Whose clusters.
        split: Of which images.
    """
    with reading(directory / ASSIGNMENTS):
        rows = _rows(directory, "cluster", "class", "probability")
        texts = zip(*(row[2:] for row in rows if row[:2] == [clusterer, split]), strict=True)
        clusters, classes, probability = (
            np.array(texts, dtype) if all(texts) else None
            for texts, dtype in zip(texts, (np.int64, np.int64, np.float64), strict=True)
        )
    assert clusters is not None
    return Assigned(clusters, classes, probability)


def _column(directory: Path, column: str, clusterer: str | None = None) -> dict[str, np.ndarray]:
    """Reads what assignments.csv says by one clusterer, or by its first."""
    found: dict[str, list[int]] = {}
    with reading(directory / ASSIGNMENTS):
        for name, split, number in _rows(directory, column):
            clusterer = clusterer or name
            if name == clusterer and number:
                found.setdefault(split, []).append(int(number))
    return {split: np.array(ids, np.int64) for split, ids in found.items()}


def _rows(directory: Path, *columns: str) -> Iterator[list[str]]:
    """Yields clusterer, split and these columns of every row of assignments.csv."""
    with verified(directory, ASSIGNMENTS).open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        places = [*map(next(table).index, ("clusterer", "split", *columns))]
        for row in table:
            yield [row[place] for place in places]
