"""The labels of a run's images, and all that is computed from its latents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmclust.clustering import NOISE, Clustering
from fmclust.data import Split
from fmclust.metrics import Confusion


@dataclass(frozen=True)
class Labels:
    """Classes and names of the images; empty for images without labels.

    Attributes:
        classes: Split to int64 array of shape (N,); splits without labels are left out.
        names: Name of every class.
        images: Split to the name of every image; splits without names are left out.
    """

    classes: Mapping[str, NDArray[np.int64]]
    names: Sequence[str]
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, splits: Mapping[str, Split], names: Sequence[str] | None) -> "Labels":
        """Take the labels and image names of splits."""
        classes = {n: s.labels.numpy() for n, s in splits.items() if s.labels is not None}
        images = {name: split.names for name, split in splits.items() if split.names}
        return cls(classes, names or (), images)

    def named(self, split: str) -> list[str]:
        """Return the class name of every image of a split; empty without labels."""
        return [self.names[cls] for cls in self.classes.get(split, ())]


@dataclass(frozen=True)
class Evaluation:
    """All that is computed from the latents of a run.

    Attributes:
        latents: Split to float32 array of shape (N, d).
        clusterings: By name of the clusterer; those that failed are left out.
        labels: Labels of the images.
        confusions: (clusterer, split) to classes against clusters; empty without labels.
        centres: Clusterer to its decoded centres, uint8 (k, H, W), where they can be decoded.
    """

    latents: Mapping[str, NDArray[np.float32]]
    clusterings: Mapping[str, Clustering]
    labels: Labels
    confusions: Mapping[tuple[str, str], Confusion]
    centres: Mapping[str, NDArray[np.uint8]]

    def matching(self, name: str, split: str) -> Mapping[int, int]:
        """Return cluster id to matched class; empty without labels."""
        confusion = self.confusions.get((name, split))
        return {} if confusion is None else confusion.matching

    def cluster_name(self, name: str, split: str, cluster: int) -> str:
        """Return a cluster's id with the name of its matched class, if there is one."""
        if cluster == NOISE:
            return "noise"
        matching = self.matching(name, split)
        matched = f" ({self.labels.names[matching[cluster]]})" if cluster in matching else ""
        return f"{cluster}{matched}"
