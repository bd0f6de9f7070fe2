"""What is computed from the latents of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmclust.clustering import NOISE, Clustering
from fmclust.data import ImageSource
from fmclust.metrics import Confusion


@dataclass(frozen=True)
class Evaluation:
    """All that is computed from the latents of a run.

    Attributes:
        source: The images and, if there are any, their labels.
        latents: Split to float32 array of shape (N, d).
        clusterings: Clusterer to its clustering; clusterers that failed are left out.
        confusions: (clusterer, split) to classes against clusters; empty without labels.
        centres: Clusterer to its decoded centres, uint8 (k, H, W), where they can be decoded.
        sizes_are_prior: Whether the encoder has learned from clusters of assumed sizes.
    """

    source: ImageSource
    latents: Mapping[str, NDArray[np.float32]]
    clusterings: Mapping[str, Clustering]
    confusions: Mapping[tuple[str, str], Confusion]
    centres: Mapping[str, NDArray[np.uint8]]
    sizes_are_prior: bool = False

    @property
    def class_names(self) -> Sequence[str]:
        """A name for every class; empty without labels."""
        return self.source.class_names or ()

    def class_name_of_each(self, split: str) -> list[str]:
        """Return the class name of every image of a split, "" without one; [] without labels."""
        labels, names = self.source.splits[split].labels, self.class_names
        return [] if labels is None else [names[c] if c >= 0 else "" for c in labels.tolist()]

    def matching(self, name: str, split: str) -> Mapping[int, int]:
        """Return cluster id to matched class; empty without labels."""
        confusion = self.confusions.get((name, split))
        return {} if confusion is None else confusion.matching

    def cluster_name(self, name: str, split: str, cluster: int) -> str:
        """Return a cluster's id with the name of its matched class, if there is one."""
        if cluster == NOISE:
            return "noise"
        matched = self.matching(name, split).get(cluster)
        return str(cluster) if matched is None else f"{cluster} ({self.class_names[matched]})"

    def largest(self, name: str, split: str, n: int) -> list[int]:
        """Return the ids of at most n clusters, those with the most images, in ascending order."""
        clustering = self.clusterings[name]
        clusters = clustering.clusters[split]
        sizes = np.bincount(clusters[clusters >= 0], minlength=clustering.n_clusters)
        return sorted(np.argsort(-sizes, kind="stable")[:n].tolist())
