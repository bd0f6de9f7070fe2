"""A finished run, read back from its directory: `load_run`. NumPy in and out."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fmclust.clustering import load_clusterer
from fmclust.errors import UserError, reading, require_option
from fmclust.inference.assigning import Assignment, assign_latents
from fmclust.models import (
    Encoder,
    build_encoder,
    encode_all,
    load_weights,
    reconstruct_all,
    reconstruction_errors,
)
from fmclust.runs import (
    BEST_CHECKPOINT,
    CLUSTERINGS,
    LAST_CHECKPOINT,
    clustered_in,
    is_trained,
    model_name,
    read_clusterings,
    read_config,
    read_latents,
    read_matching,
    read_metrics,
    read_status,
    refuse_links,
    verified,
)

MAX_SIDE = 1024  # pixels; a status file may say anything


class LoadedRun:
    """A finished run: its encoder, its clusterers, its scores.

    Args:
        directory: The run directory.

    Attributes:
        directory: The run directory.
        config: Its configuration.
        metrics: Name to number, all of metrics.json.
        image_size: Height and width of its images in pixels.
        class_names: A name for every class; empty without labels.
        clusterers: Names of all that clustered its latents, the first ones first.
        encoder: What encodes, on the GPU if there is one.
        is_done: Whether all that was asked of the run is there.
        is_encoded: Whether the run has encoded its images.

    Raises:
        UserError: If it is no finished run, or holds what is not trusted.
    """

    def __init__(self, directory: Path) -> None:
        status = read_status(directory)
        if status is None or not is_trained(status):
            state = "no run directory" if status is None else f"a run that is {status['status']}"
            raise UserError(f"{directory} is {state}: type run=<the directory of a finished run>.")
        if directory.parent.name == CLUSTERINGS:
            raise UserError(
                f"{directory} is a later clustering: type run={directory.parent.parent}."
            )
        refuse_links(directory)
        with reading(directory):
            self._read(directory, status)

    def _read(self, directory: Path, status: Mapping[str, Any]) -> None:
        self.directory, self.config = directory, read_config(directory)
        self.metrics: Mapping[str, float] = read_metrics(directory)
        height, width = map(int, status["image_size"])
        if not 0 < min(height, width) <= max(height, width) <= MAX_SIDE:
            raise ValueError(f"its images have {height}x{width} pixels")
        self.image_size: tuple[int, int] = height, width
        self.class_names: tuple[str, ...] = tuple(status["class_names"])
        self.is_done, self.is_encoded = status["status"] == "done", bool(status.get("encoded"))
        self.border = float(status.get("border", 0.0))
        self.sums: Mapping[str, int] = status["sums"]
        self.folders = clustered_in(directory)
        self.clusterers = tuple(self.folders)
        self._opened: dict[str, tuple[Any, Mapping[int, int], float]] = {}
        self.encoder = self._load_encoder()

    def _load_encoder(self) -> Encoder:
        encoder = build_encoder(self.config.model, self.image_size)
        if encoder.trains:
            best = self.config.encode_from == "best"
            path = verified(self.directory, BEST_CHECKPOINT if best else LAST_CHECKPOINT)
            if not path.exists():
                raise UserError(f"{path} is missing: put it back, or train again.")
            load_weights(encoder, path)
        return encoder.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    @cached_property
    def latents(self) -> dict[str, np.ndarray]:
        """Split to float32 latents of shape (N, d); a run of pixels keeps none."""
        return read_latents(self.directory)

    @property
    def scores(self) -> dict[str, float]:
        """Name, such as `gmm/test/accuracy`, to number; empty without labels."""
        found: dict[str, float] = {}
        for folder in dict.fromkeys(self.folders.values()):
            metrics = read_metrics(folder)
            for name, made in read_clusterings(folder).items():
                starts = tuple(f"{name}/{split}/" for split in made["matchings"])
                found |= {k: v for k, v in metrics.items() if k.startswith(starts)}
        return found

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Returns the latents of uint8 images of shape (N, H, W): float32 of shape (N, d)."""
        return encode_all(self.encoder, self._tensor(images))

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Return what the latents of uint8 images decode to: uint8 of the same shape (N, H, W).

        Raises:
            UserError: If the encoder has no decoder, or the images are not of the run's size.
        """
        if not self.encoder.can_decode:
            raise UserError(f"{model_name(self.config)} has no decoder: nothing to reconstruct.")
        return reconstruct_all(self.encoder, self._tensor(images))

    def assign(self, images: np.ndarray, clusterer: str | None = None) -> Assignment:
        """Puts images into the clusters of the run.

        Args:
            images: uint8 array of shape (N, H, W), of the run's image size.
            clusterer: One of `clusterers`; None for the first.

        Raises:
            UserError: If the images or the clusterer are not what the run knows.
        """
        name = self.clusterer_named(clusterer)
        fitted, matching, farthest = self._clustering(name)
        tensor = self._tensor(images)
        latents = encode_all(self.encoder, tensor)
        assignment = assign_latents(fitted, latents, matching)
        measured, limit = assignment.distance, farthest
        if self.encoder.trains and self.encoder.can_decode:
            measured = reconstruction_errors(self.encoder, tensor, latents)
            limit = self.metrics["reconstruction_limit"]
        return replace(assignment, far=None if measured is None else measured > limit)

    def clusterer_named(self, name: str | None) -> str:
        """Return a name of `clusterers`, the first for None.

        Raises:
            UserError: If there is none of that name, or none at all.
        """
        if not self.clusterers:
            raise UserError(
                f"{self.directory} has no clustering yet: type python -m fmclust.cluster "
                f"{shlex.quote(f'run={self.directory}')} cluster=gmm, for instance."
            )
        require_option("clusterer", name or self.clusterers[0], self.clusterers)
        return name or self.clusterers[0]

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
