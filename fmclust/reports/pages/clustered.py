"""The clusters of one clusterer in the split that a page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmclust.metrics import MAX_NAMES, Confusion, confusion_of
from fmclust.reports.pages.galleries import certainty, gallery
from fmclust.runs import Assigned, read_assigned, read_matching

MAX_GALLERIES = 30  # clusters shown, the largest ones
CONFUSED = 5  # pairs of classes named


@dataclass(frozen=True)
class Clustered:
    """A clusterer's clusters of the split that is shown.

    Attributes:
        name: Name of the clusterer.
        assigned: The clusters of all images of the split, with their classes.
        shown: The same of the thumbnails.
        matching: Cluster id to class; empty without labels.
        centres: uint8 array of shape (k, H, W); k is 0 for clusterers without centres.
        class_names: A name for every class; empty without labels.
    """

    name: str
    assigned: Assigned
    shown: Assigned
    matching: Mapping[int, int]
    centres: NDArray[Any]
    class_names: Sequence[str]

    def title(self, cluster: int) -> str:
        """Return a cluster's id, its matched class, and the share of its images of that class."""
        if cluster < 0:
            return "noise"
        matched, classes = self.matching.get(cluster), self.assigned.classes
        if matched is None or classes is None:
            return str(cluster)
        members = classes[(self.assigned.clusters == cluster) & (classes >= 0)]
        share = f", {np.mean(members == matched):.0%} of it" if len(members) else ""
        return f"{cluster} → {self.class_names[matched]}{share}"

    def described(self, latents: NDArray[Any], first_centre: int) -> dict[str, Any]:
        """Return the values that the template shows.

        Args:
            latents: float array of shape (n, d), of the thumbnails.
            first_centre: Number in the sprite of the first centre.
        """
        ids, sizes = np.unique(self.assigned.clusters, return_counts=True)
        order = np.argsort(-sizes, kind="stable")[:MAX_GALLERIES]
        shown, confusion = self.shown, self._confusion()
        certain = certainty(latents, shown.clusters, shown.probability)
        galleries = []
        for cluster, size in sorted(zip(ids[order].tolist(), sizes[order].tolist(), strict=True)):
            is_member, matched = shown.clusters == cluster, self.matching.get(cluster)
            chosen = gallery(is_member, latents, certain, shown.classes, matched)
            name = "Noise" if cluster < 0 else f"Cluster {self.title(cluster)}"
            title = f"{name}: {size:,} image{'s' * (size != 1)}"
            galleries.append({"title": title, "gallery": chosen})
        return {
            "id": f"by-{self.name}",
            "name": self.name,
            "galleries": galleries,
            "left_out": len(ids) - len(order),
            "centres": [(first_centre + n, self.title(n)) for n in range(len(self.centres))],
            "matrix": None if confusion is None else self._shades(confusion),
            "too_large": "" if confusion is None else self._size(confusion.matched),
            "confused": [] if confusion is None else self._confused(confusion),
        }

    def _confusion(self) -> Confusion | None:
        """Return the classes against the clusters; None without labels."""
        classes, clusters = self.assigned.classes, self.assigned.clusters
        if classes is None:
            return None
        n_clusters = int(max(clusters.max(), 0)) + 1
        sizes = {"n_clusters": n_clusters, "n_classes": len(self.class_names)}
        return confusion_of(clusters, classes, **sizes)

    def _shades(self, confusion: Confusion) -> dict[str, Any] | None:
        """Return the columns of the matched matrix, and each row's counts with their shares.

        A matrix of more than `MAX_NAMES` rows or columns is not shown: it returns None.
        """
        matrix = confusion.matched
        if self._size(matrix):
            return None
        rows = [
            (name, [(count, count / max(sum(counts), 1)) for count in counts])
            for name, counts in zip(self.class_names, matrix.tolist(), strict=True)
        ]
        return {"columns": confusion.matched_columns(self.class_names), "rows": rows}

    def _size(self, matrix: NDArray[Any]) -> str:
        """Return the size of a matrix that is too large to be shown, as text; else ""."""
        n_classes, n_columns = matrix.shape
        large = max(matrix.shape) > MAX_NAMES
        return f"{n_classes:,} classes and {n_columns:,} columns" if large else ""

    def _confused(self, confusion: Confusion) -> list[str]:
        """Return the most frequent confusions as text."""
        names = self.class_names
        largest = confusion.largest(CONFUSED)
        return [f"{names[cls]} → {names[other]} ({n:,})" for cls, other, n in largest]


def read_clustered(
    folder: Path,
    name: str,
    thumbnails: Mapping[str, NDArray[Any]],
    centres: Mapping[str, NDArray[Any]],
    class_names: Sequence[str],
) -> Clustered:
    """Read the clusters of one clusterer in the split of a run's thumbnails.

    Args:
        folder: The run directory, or that of a later clustering.
        name: Name of the clusterer.
        thumbnails: The run's.
        centres: The thumbnails of that folder.
        class_names: A name for every class; empty without labels.
    """
    assigned, rows = read_assigned(folder, name)[str(thumbnails["split"])], thumbnails["rows"]
    classes, probability = assigned.classes, assigned.probability
    shown = Assigned(
        assigned.clusters[rows],
        None if classes is None else classes[rows],
        None if probability is None else probability[rows],
    )
    empty = np.empty((0, *thumbnails["images"].shape[1:]), np.uint8)
    found = centres.get(f"centres_{name}", empty)
    return Clustered(name, assigned, shown, read_matching(folder, name), found, class_names)
