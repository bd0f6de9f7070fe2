"""Images that no run has seen, put into its clusters."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from fmclust.clustering import (
    InductiveClusterer,
    assign,
    distances_to_centres,
    estimator_of,
    responsibilities,
)

COLUMNS = (
    "image",
    "cluster",
    "class",
    "class_name",
    "probability",
    "distance",
    "propagated",
    "far",
    "error",
)


@dataclass(frozen=True)
class Assignment:
    """What a run says of N images.

    Attributes:
        clusters: int64 array of shape (N,); -1 is noise.
        classes: int64 array of shape (N,), the classes that the clusters are matched to; -1 where
            there is none.
        probability: float array of shape (N,), p(cluster | image) by a mixture; else None.
        distance: float array of shape (N,), from the latents to the centre of the cluster; None
            for clusterers without centres.
        propagated: Whether the clusters are those of the nearest fitted latents.
        far: bool array of shape (N,), whether the image is reconstructed worse, or, without a
            network, lies farther from its centre, than all but one in a thousand of those trained
            on; None where neither is known.
    """

    clusters: np.ndarray
    classes: np.ndarray
    probability: np.ndarray | None
    distance: np.ndarray | None
    propagated: bool
    far: np.ndarray | None = None


def assign_latents(clusterer: Any, latents: np.ndarray, matching: Mapping[int, int]) -> Assignment:
    """Assigns latents to the clusters of a fitted estimator.

    Args:
        clusterer: A fitted estimator.
        latents: float32 array of shape (N, d).
        matching: Cluster id to class; empty without labels.
    """
    clusters = assign(clusterer, latents)
    soft = responsibilities(clusterer, latents)
    return Assignment(
        clusters=clusters,
        classes=np.array([matching.get(cluster, -1) for cluster in clusters.tolist()], int),
        probability=None if soft is None else soft.max(axis=1),
        distance=distances_to_centres(clusterer, latents, clusters),
        propagated=isinstance(estimator_of(clusterer), InductiveClusterer),
    )


class AssignmentWriter:
    """Writes images and what became of them as the rows of a CSV file; unknowns stay empty.

    Args:
        file: Opened with `newline=""`.
        class_names: A name for every class; empty without labels.
    """

    def __init__(self, file: IO[str], class_names: Sequence[str]) -> None:
        self.table, self.class_names = csv.writer(file), class_names
        self.table.writerow(COLUMNS)

    def write(
        self, names: Sequence[str], assigned: Assignment | None, reasons: Mapping[int, str]
    ) -> None:
        """Writes some rows.

        Args:
            names: A name for every image.
            assigned: What became of those that are readable, in order; None if none is.
            reasons: Row in `names` to why an image is unreadable.
        """
        rows = iter([] if assigned is None else self._rows(assigned))
        blank = [""] * (len(COLUMNS) - 2)
        for row, name in enumerate(names):
            if row in reasons:
                self.table.writerow([name, *blank, reasons[row]])
            else:
                self.table.writerow([name, *next(rows), ""])

    def _rows(self, assigned: Assignment) -> list[tuple[Any, ...]]:
        n = len(assigned.clusters)
        classes = assigned.classes.tolist()
        names = [self.class_names[cls] if cls >= 0 else "" for cls in classes]
        columns = (
            assigned.clusters.tolist(),
            [cls if cls >= 0 else "" for cls in classes],
            names,
            _formatted(assigned.probability, n),
            _formatted(assigned.distance, n),
            [int(assigned.propagated)] * n,
            [""] * n if assigned.far is None else assigned.far.astype(int).tolist(),
        )
        return list(zip(*columns, strict=True))


def _formatted(values: np.ndarray | None, n: int) -> list[str]:
    return [""] * n if values is None else [f"{value:.6g}" for value in values.tolist()]
