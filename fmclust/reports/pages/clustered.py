"""What one clusterer made of the split that a page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmclust.metrics import confusion_of
from fmclust.reports.pages.galleries import certainty, gallery
from fmclust.runs import Assigned, read_assigned, read_matching

MAX_GALLERIES = 30  # clusters shown, the largest ones
CONFUSED = 5  # pairs of classes named


@dataclass(frozen=True)
class Clustered:
    """A clusterer's clusters of the split that is shown.

    Attributes:
        name: The clusterer's.
        assigned: The clusters of all images of the split, with their classes.
        rows: int64 array of shape (n,): which of the images are thumbnails.
        matching: Cluster id to class; empty without labels.
        centres: uint8 array of shape (k, H, W); k is 0 for clusterers without centres.
        class_names: A name for every class; empty without labels.
    """

    name: str
    assigned: Assigned
    rows: NDArray[Any]
    matching: Mapping[int, int]
    centres: NDArray[Any]
    class_names: Sequence[str]

    @property
    def shown_clusters(self) -> NDArray[Any]:
        """Cluster ids of the thumbnails."""
        return np.asarray(self.assigned.clusters[self.rows])

    @property
    def shown_classes(self) -> NDArray[Any] | None:
        """Classes of the thumbnails."""
        return None if self.assigned.classes is None else self.assigned.classes[self.rows]

    @property
    def shown_probability(self) -> NDArray[Any] | None:
        """A mixture's probability of the thumbnails' clusters."""
        probability = self.assigned.probability
        return None if probability is None else probability[self.rows]

    def title(self, cluster: int) -> str:
        """Name a cluster, the class that it is matched to, and how much of it is of that class."""
        if cluster < 0:
            return "noise"
        matched, classes = self.matching.get(cluster), self.assigned.classes
        if matched is None or classes is None:
            return str(cluster)
        members = classes[self.assigned.clusters == cluster]
        share = f", {np.mean(members == matched):.0%} of it" if len(members) else ""
        return f"{cluster} → {self.class_names[matched]}{share}"

    def described(self, latents: NDArray[Any], first_centre: int) -> dict[str, Any]:
        """Return what the template shows of it.

        Args:
            latents: float array of shape (n, d), of the thumbnails.
            first_centre: Number in the sprite of the first centre.
        """
        ids, sizes = np.unique(self.assigned.clusters, return_counts=True)
        order = np.argsort(-sizes, kind="stable")[:MAX_GALLERIES]
        certain = certainty(latents, self.shown_clusters, self.shown_probability)
        galleries = [
            {
                "title": f"Cluster {self.title(int(cluster))}: {size:,} images",
                "gallery": gallery(
                    self.shown_clusters == cluster,
                    latents,
                    certain,
                    self.shown_classes,
                    self.matching.get(int(cluster)),
                ),
            }
            for cluster, size in sorted(zip(ids[order], sizes[order], strict=True))
        ]
        centres = [(first_centre + n, self.title(n)) for n in range(len(self.centres))]
        matrix = self._matrix()
        return {
            "id": f"by-{self.name}",
            "name": self.name,
            "galleries": galleries,
            "left_out": len(ids) - len(order),
            "centres": centres,
            "matrix": None if matrix is None else self._shades(matrix),
            "confused": [] if matrix is None else self._confused(matrix),
        }

    def _matrix(self) -> NDArray[Any] | None:
        """Return the matched confusion matrix, int64 (n_classes, columns); None without labels."""
        classes, clusters = self.assigned.classes, self.assigned.clusters
        if classes is None:
            return None
        n_clusters = int(max(clusters.max(), 0)) + 1
        sizes = {"n_clusters": n_clusters, "n_classes": len(self.class_names)}
        return confusion_of(clusters, classes, **sizes).matched

    def _shades(self, matrix: NDArray[Any]) -> dict[str, Any]:
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        noise = ["noise"] if (self.assigned.clusters < 0).any() else []
        n_spare = matrix.shape[1] - len(self.class_names) - len(noise)
        spare = [*(f"unmatched {n + 1}" for n in range(n_spare)), *noise]
        rows = [
            (name, list(zip(counts, of_class, strict=True)))
            for name, counts, of_class in zip(
                self.class_names, matrix.tolist(), shares.tolist(), strict=True
            )
        ]
        return {"columns": [*self.class_names, *spare], "rows": rows}

    def _confused(self, matrix: NDArray[Any]) -> list[str]:
        n = len(self.class_names)
        wrong = matrix[:, :n] * (1 - np.eye(n, dtype=np.int64))
        pairs = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED]
        named = (np.unravel_index(pair, wrong.shape) for pair in pairs)
        return [
            f"{self.class_names[cls]} → {self.class_names[as_if]} ({wrong[cls, as_if]:,})"
            for cls, as_if in named
            if wrong[cls, as_if]
        ]


def read_clustered(
    folder: Path,
    name: str,
    thumbnails: Mapping[str, NDArray[Any]],
    centres: Mapping[str, NDArray[Any]],
    class_names: Sequence[str],
) -> Clustered:
    """Read what a clusterer made of the split that a run's thumbnails are of.

    Args:
        folder: The run directory, or that of a later clustering.
        name: The clusterer's.
        thumbnails: The run's.
        centres: The thumbnails of that folder.
        class_names: A name for every class; empty without labels.
    """
    empty = np.empty((0, *thumbnails["images"].shape[1:]), np.uint8)
    return Clustered(
        name,
        read_assigned(folder, name)[str(thumbnails["split"])],
        thumbnails["rows"],
        read_matching(folder, name),
        centres.get(f"centres_{name}", empty),
        class_names,
    )
