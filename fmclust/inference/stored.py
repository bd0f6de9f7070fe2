"""Assign latents by the stored parameters of a clusterer: with NumPy alone, which starts fast."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmclust.errors import reading, refuse_bomb
from fmclust.inference.assigning import Found

MAX_ROWS = 8192  # latents that are assigned at once
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class StoredClusterer:
    """k-means, a Gaussian mixture or a spherical clusterer.

    Attributes:
        arrays: Name to array, see `fmclust.clustering.parameters.stored_arrays`.
    """

    arrays: dict[str, NDArray[Any]]
    propagates = False

    @classmethod
    def read(cls, path: Path) -> "StoredClusterer | None":
        """Read `clusterers/<name>.npz` of a run; None if its arrays do not suffice.

        Raises:
            UserError: If the file is damaged.
        """
        if not path.exists():
            return None
        with reading(path):
            refuse_bomb(path)
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            if "is_unit" not in arrays:
                return None
            numbers = [a for name, a in arrays.items() if name != "is_unit"]
            if not all(a.dtype.kind == "f" and np.isfinite(a).all() for a in numbers):
                raise ValueError("it holds values that are not finite numbers")
            stored = cls(arrays)
            stored.find(np.zeros((1, stored.n_latents), np.float32))  # checks the shapes
            return stored

    @property
    def n_latents(self) -> int:
        """Dimensions of a latent."""
        return int(self.arrays.get("matrix", self.centres.T).shape[0])

    @property
    def centres(self) -> Floats:
        """Centres, or means of a mixture: array of shape (k, m)."""
        return self.arrays.get("means", self.arrays.get("centres", np.empty((0, 0))))

    def find(self, latents: Floats) -> Found:
        """Return the clusters of latents, an array of shape (N, d)."""
        starts = range(0, len(latents), MAX_ROWS)
        parts = [self._find(latents[row : row + MAX_ROWS]) for row in starts]
        soft = [found.probability for found in parts if found.probability is not None]
        distances = [found.distance for found in parts if found.distance is not None]
        return Found(
            np.concatenate([found.clusters for found in parts]),
            np.concatenate(soft) if soft else None,
            np.concatenate(distances),
        )

    def _find(self, latents: Floats) -> Found:
        inputs = self._inputs(latents)
        if "means" in self.arrays:
            logits = self._log_densities(inputs)
        elif "offsets" in self.arrays:
            cosines = _unit(inputs) @ self.centres.T
            logits = cosines / self.arrays["temperature"] + self.arrays["offsets"]
        else:
            logits = inputs @ self.centres.T - (self.centres**2).sum(axis=1) / 2
        clusters = logits.argmax(axis=1).astype(np.int64)
        distances = np.linalg.norm(inputs - self.centres[clusters], axis=1)
        if not {"means", "offsets"} & self.arrays.keys():
            return Found(clusters, None, distances)
        highest = logits.max(axis=1, keepdims=True)
        return Found(clusters, 1 / np.exp(logits - highest).sum(axis=1), distances)

    def _inputs(self, latents: Floats) -> Floats:
        """Return what the clusterer gets from the steps before it, in its dtype."""
        inputs = latents.astype(self.centres.dtype)
        if "matrix" in self.arrays:
            inputs = inputs @ self.arrays["matrix"] + self.arrays["shift"]
        return _unit(inputs) if self.arrays["is_unit"] else inputs

    def _log_densities(self, inputs: Floats) -> Floats:
        """Return log(weight * density) of each component, but for a constant: shape (n, k)."""
        columns = []
        for weight, mean, covariance in zip(
            *(self.arrays[name] for name in ("weights", "means", "covariances")), strict=True
        ):
            factor = np.linalg.cholesky(covariance)
            scaled = np.linalg.solve(factor, (inputs - mean).T)
            log_volume = np.log(np.diag(factor)).sum()
            columns.append(np.log(weight) - log_volume - (scaled**2).sum(axis=0) / 2)
        return np.stack(columns, axis=1)


def _unit(rows: Floats) -> Floats:
    """Return rows divided by their lengths; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.where(lengths == 0, 1, lengths)
    return unit
