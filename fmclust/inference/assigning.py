"""Assign latents of new images to the clusters of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmclust import clustering

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
INTEGERS = ("cluster", "class", "propagated", "far")
TEXTS = ("image", "class_name", "error")


@dataclass(frozen=True)
class Assignment:
    """The clusters of N images.

    Attributes:
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
        per_image = ("clusters", "classes", "probability", "distance", "far")
        values = {name: getattr(self, name) for name in per_image}
        return replace(self, **{k: v[rows] for k, v in values.items() if v is not None})


def assign_latents(
    clusterer: Any, latents: NDArray[np.float32], matching: Mapping[int, int]
) -> Assignment:
    """Assign latents to the clusters of a fitted estimator.

    Args:
        clusterer: A fitted estimator.
        latents: float32 array of shape (N, d).
        matching: Cluster id to class; empty without labels.

    Returns:
        The assignment, without `far`.
    """
    clusters = clustering.assign(clusterer, latents)
    probabilities = clustering.responsibilities(clusterer, latents)
    inductive = isinstance(clustering.estimator_of(clusterer), clustering.InductiveClusterer)
    return Assignment(
        clusters=clusters,
        classes=np.array([matching.get(cluster, -1) for cluster in clusters.tolist()], int),
        probability=None if probabilities is None else probabilities.max(axis=1),
        distance=clustering.distances_to_centres(clusterer, latents, clusters),
        propagated=inductive,
    )


def to_table(
    names: Sequence[str],
    reasons: Mapping[int, str],
    assigned: Assignment | None,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Return a table with a row for every image.

    Args:
        names: A name for every image.
        reasons: Row in `names` of each unreadable image to the error.
        assigned: The assignment of the readable images, in order; None if there are none.
        class_names: A name for every class; empty without labels.

    Returns:
        Data frame with `COLUMNS`; unknown values are missing.
    """
    table = pd.DataFrame()
    if assigned is not None:
        classes = pd.Series(assigned.classes)
        columns = {
            "cluster": assigned.clusters,
            "class": classes.mask(classes < 0),
            "class_name": classes.map(dict(enumerate(class_names))),
            "probability": assigned.probability,
            "distance": assigned.distance,
            "propagated": assigned.propagated,
            "far": assigned.far,
        }
        table = pd.DataFrame(columns).astype(dict.fromkeys(INTEGERS, "Int64"))
    rows = range(len(names))
    table.index = pd.Index([row for row in rows if row not in reasons])
    table = table.reindex(index=rows, columns=COLUMNS)
    # As objects: file names that are not UTF-8 can't be held in pandas' string type.
    table["image"] = pd.Series(names, dtype=object)
    table["error"] = pd.Series(reasons, dtype=object)
    return table
