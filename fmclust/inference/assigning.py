"""What a clusterer finds, and the clusters of new images."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Found(NamedTuple):
    """The clusters that a clusterer finds for N latents.

    Attributes:
        clusters: int64 array of shape (N,); -1 is noise.
        probability: float array of shape (N,), p(cluster | latent); None if it is not a mixture.
        distance: float array of shape (N,), to the centre of the cluster; None without centres.
    """

    clusters: NDArray[np.int64]
    probability: NDArray[np.floating] | None
    distance: NDArray[np.floating] | None


class Clusterer(Protocol):
    """A fitted clusterer of a run.

    Attributes:
        propagates: Whether the clusters are those of the nearest fitted latents.
    """

    propagates: bool

    def find(self, latents: NDArray[np.floating]) -> Found:
        """Return the clusters of latents, an array of shape (N, d)."""


@dataclass(frozen=True)
class Assignment:
    """The clusters of N images.

    Attributes:
        latents: float32 array of shape (N, d), the latents of the images.
        clusters: int64 array of shape (N,); -1 is noise.
        classes: int64 array of shape (N,), the classes that the clusters are matched to; -1 for
            clusters that are not matched.
        probability: float array of shape (N,), p(cluster | image) by a mixture; None for other
            clusterers.
        distance: float array of shape (N,), from the latents to the centre of the cluster; None
            for clusterers without centres.
        propagated: Whether the clusters are those of the nearest fitted latents.
        far: bool array of shape (N,), whether the reconstruction error or, without a decoder, the
            distance is larger than that of 99.9 % of the training images; None if neither is
            known.
    """

    latents: NDArray[np.float32]
    clusters: NDArray[np.int64]
    classes: NDArray[np.int64]
    probability: NDArray[np.floating] | None
    distance: NDArray[np.floating] | None
    propagated: bool
    far: NDArray[np.bool_] | None = None

    @property
    def certainty(self) -> NDArray[np.floating] | None:
        """How typical each image is of its cluster: its probability, or minus its distance."""
        if self.probability is not None:
            return self.probability
        return None if self.distance is None else -self.distance

    def __getitem__(self, rows: slice) -> "Assignment":
        per_image = ("latents", "clusters", "classes", "probability", "distance", "far")
        values = {name: getattr(self, name) for name in per_image}
        return replace(self, **{k: v[rows] for k, v in values.items() if v is not None})
