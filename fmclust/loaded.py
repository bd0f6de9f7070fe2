"""A finished run, read back from its directory: `load_run`. NumPy in and out."""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fmclust.clustering import load_clusterer
from fmclust.encoder import load_encoder
from fmclust.errors import UserError, blaming, require_option
from fmclust.evaluation import Assignment, assign_latents
from fmclust.models import Autoencoder, encode_all, reconstruct_all, reconstruction_errors
from fmclust.runs import (
    clustered_in,
    read_config,
    read_latents,
    read_matching,
    read_metrics,
    read_status,
    refuse_links,
    verified,
)

MOST_SIDE = 1024  # pixels; a status file may say anything


class LoadedRun:
    """A finished run: its network, its clusterers, its scores.

    Args:
        directory: The run directory.

    Attributes:
        directory: The run directory.
        config: Its configuration.
        metrics: Name to number, all of metrics.json.
        image_size: Height and width of its images in pixels.
        class_names: A name for every class; empty without labels.
        clusterers: Names of all that clustered its latents, the first ones first.
        model: What encodes, on the GPU if there is one.

    Raises:
        UserError: If it is no finished run, or holds what is not trusted.
    """

    def __init__(self, directory: Path) -> None:
        status = read_status(directory)
        if status is None or status["status"] != "done":
            state = "no run directory" if status is None else f"a run that is {status['status']}"
            raise UserError(f"{directory} is {state}: type run=<the directory of a finished run>.")
        if "border" not in status:
            raise UserError(
                f"{directory} is a later clustering, or of an older fmclust: type run=<the "
                "directory of a run that was trained by this one>."
            )
        refuse_links(directory)
        with blaming(directory):
            self._read(directory, status)

    def _read(self, directory: Path, status: Mapping[str, Any]) -> None:
        self.directory, self.config = directory, read_config(directory)
        self.metrics: Mapping[str, float] = read_metrics(directory)
        height, width = map(int, status["image_size"])
        if not 0 < min(height, width) <= max(height, width) <= MOST_SIDE:
            raise ValueError(f"its images have {height}x{width} pixels")
        self.image_size: tuple[int, int] = height, width
        self.class_names: tuple[str, ...] = tuple(status["class_names"] or ())
        self.border: float = status["border"]
        self.sums: Mapping[str, int] = status["sums"]
        self.folders = clustered_in(directory, first=list(self.config.cluster))
        self.clusterers = tuple(self.folders)
        self._opened: dict[str, tuple[Any, Mapping[int, int], float]] = {}
        self.model = load_encoder(directory, self.config, self.image_size)

    @cached_property
    def latents(self) -> dict[str, np.ndarray]:
        """Split to float32 latents of shape (N, d); a run without a network keeps none."""
        return read_latents(self.directory)

    @property
    def scores(self) -> dict[str, float]:
        """Name, such as `gmm/test/accuracy`, to number; empty without labels."""
        known = [read_metrics(folder) for folder in dict.fromkeys(self.folders.values())]
        return {k: v for metrics in known for k, v in metrics.items() if k.count("/") == 2}

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Returns the latents of uint8 images of shape (N, H, W): float32 of shape (N, d)."""
        return encode_all(self.model, self._tensor(images))

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Returns what the latents of uint8 images decode to: uint8 of the same shape (N, H, W)."""
        return reconstruct_all(self.model, self._tensor(images))

    def assign(self, images: np.ndarray, clusterer: str | None = None) -> Assignment:
        """Puts images into the clusters of the run.

        Args:
            images: uint8 array of shape (N, H, W), of the run's image size.
            clusterer: One of `clusterers`; None for the first.

        Raises:
            UserError: If the images or the clusterer are not what the run knows.
        """
        name = clusterer or self.clusterers[0]
        require_option("clusterer", name, self.clusterers)
        fitted, matching, farthest = self._clustering(name)
        tensor = self._tensor(images)
        latents = encode_all(self.model, tensor)
        assignment = assign_latents(fitted, latents, matching)
        measured, limit = assignment.distance, farthest
        if isinstance(self.model, Autoencoder):
            measured = reconstruction_errors(self.model, tensor, latents)
            limit = self.metrics["reconstruction_limit"]
        return replace(assignment, far=None if measured is None else measured > limit)

    def matching(self, clusterer: str) -> Mapping[int, int]:
        """Returns cluster id to class; empty without labels."""
        return self._clustering(clusterer)[1]

    def _clustering(self, name: str) -> tuple[Any, Mapping[int, int], float]:
        """Returns a fitted estimator, its cluster ids to classes, and the distance that is far."""
        if name not in self._opened:
            folder = self.folders[name]
            limit = read_metrics(folder).get(f"{name}/distance_limit", np.inf)
            fitted = load_clusterer(verified(folder, f"clusterers/{name}.skops"))
            self._opened[name] = fitted, read_matching(folder, name), limit
        return self._opened[name]

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != self.image_size:
            height, width = self.image_size
            raise UserError(
                f"images are {images.dtype} of shape {images.shape}: this run takes uint8 of "
                f"shape (N, {height}, {width})."
            )
        return torch.from_numpy(np.ascontiguousarray(images)[:, None])


def load_run(path: str | Path) -> LoadedRun:
    """Opens a finished run by its directory; raises UserError as `LoadedRun` does."""
    return LoadedRun(Path(os.path.abspath(path)))
