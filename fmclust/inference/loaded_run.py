"""Open a finished run by its directory, for use with NumPy arrays: `load_run`."""

import os
import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fmclust import models, runs
from fmclust.data import (
    Form,
    Input,
    PictureFile,
    Range,
    Reading,
    border_brightness,
    channels_first,
    exclude_patterns,
    known_ranges,
    open_input,
    open_pictures,
    span_text,
)
from fmclust.data.arrays import ImageArray, range_for
from fmclust.data.opening import MAX_PIXELS
from fmclust.data.scales import BYTES, clipped
from fmclust.data.sources import MAX_SIDE
from fmclust.errors import UserError, reading, require_option
from fmclust.inference.assigning import Assignment, Clusterer
from fmclust.inference.stored import StoredClusterer

MIDDLE = 127.5  # brightness: below it a background is dark, above it light
MIN_CONTRAST = 32**2  # brightness squared: minimum for two backgrounds to be opposite


class LoadedRun:
    """A finished run: its encoder, its clusterers, its scores.

    Args:
        directory: The run directory.

    Attributes:
        directory: The run directory.
        config: Its configuration.
        metrics: Name to number, the content of metrics.json.
        image_size: Height and width of its images in pixels.
        image_shape: Channels (1 for gray, 3 for colour), height and width of its images.
        class_names: A name for every class; empty without labels.
        folders: Clusterer to the directory of its clustering.
        clusterers: Names of the clusterers, those of the run itself first.
        encoder: The encoder, on the GPU if there is one.
        is_done: Whether the run has finished all its stages.
        is_encoded: Whether the run has encoded its images.
        border: Mean brightness of the border of the images: 0 to 255.
        ranges: Pixel type to the values that became 0 and 255, for types other than 8-bit.
        sums: Split to checksum of its images.

    Raises:
        UserError: If it is not a finished run, or has content that is not trusted.
    """

    def __init__(self, directory: Path) -> None:
        status = runs.read_status(directory)
        if status is None or not runs.is_trained(status):
            raise UserError(_not_trained(directory, status))
        if directory.parent.name == runs.CLUSTERINGS:
            raise UserError(
                f"{directory} is a later clustering: type "
                f"{shlex.quote(f'run={directory.parent.parent}')}."
            )
        runs.refuse_links(directory)
        self._loaded: dict[str, tuple[Clusterer, Mapping[int, int], float]] = {}
        with reading(directory):
            self._read(directory, status)

    def _read(self, directory: Path, status: Mapping[str, Any]) -> None:
        """Set all attributes from the files of a run."""
        self.directory, self.config = directory, runs.read_config(directory)
        self.metrics: Mapping[str, float] = runs.read_metrics(directory)
        height, width = map(int, status["image_size"])
        if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
            raise ValueError(f"its images have {height}x{width} pixels")
        self.image_size, channels = (height, width), int(status.get("channels", 1))
        if channels not in (1, 3):
            raise ValueError(f"its images have {channels} channels")
        self.image_shape = channels, height, width
        self.class_names: tuple[str, ...] = tuple(status["class_names"])
        self.is_done, self.is_encoded = runs.is_done(status), bool(status.get("encoded"))
        self.border = float(status.get("border", 0.0))
        self.ranges = known_ranges(dict(status.get("ranges", {})))
        self.sums: Mapping[str, int] = status["sums"]
        self.folders = runs.clustered_in(directory)
        self.clusterers = tuple(self.folders)
        self.encoder = self._load_encoder()

    def _load_encoder(self) -> models.Encoder:
        encoder = models.build_encoder(self.config.model, self.image_shape)
        if encoder.trains or encoder.is_pretrained:
            best = self.config.encode_from == "best"
            trained = runs.BEST_CHECKPOINT if best else runs.LAST_CHECKPOINT
            name = runs.PRETRAINED_WEIGHTS if encoder.is_pretrained else trained
            path = runs.verified(self.directory, name)
            if not path.exists():
                raise UserError(f"{path} is missing: put it back, or train again.")
            models.load_weights(encoder, path)
        return encoder.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    @cached_property
    def latents(self) -> dict[str, NDArray[np.float32]]:
        """Split to float32 latents of shape (N, d); a run on pixels stores none."""
        return runs.read_latents(self.directory)

    @property
    def scores(self) -> dict[str, float]:
        """Name, such as `gmm/test/accuracy`, to number; empty without labels."""
        found: dict[str, float] = {}
        for folder in dict.fromkeys(self.folders.values()):
            metrics = runs.read_metrics(folder)
            for name, made in runs.read_clusterings(folder).items():
                prefixes = tuple(f"{name}/{split}/" for split in made["matchings"])
                found |= {k: v for k, v in metrics.items() if k.startswith(prefixes)}
        return found

    def encode(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the latents of images, see `to_uint8`: float32 of shape (N, d)."""
        tensor = self._to_tensor(images)
        if not len(tensor):
            return self.encode(self._blank())[:0]
        return models.encode_all(self.encoder, tensor)

    def reconstruct(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the decoded latents of images: uint8, gray or in colour as those of the run.

        Raises:
            UserError: If the encoder has no decoder, or the images are not of the run's size.
        """
        if not self.encoder.can_decode:
            name = runs.model_name(self.config)
            raise UserError(f"{name} has no decoder: nothing to reconstruct.")
        tensor = self._to_tensor(images)
        return models.reconstruct_all(self.encoder, tensor) if len(tensor) else images.copy()

    def assign(self, images: NDArray[Any], clusterer: str | None = None) -> Assignment:
        """Assign images to the clusters of the run.

        Args:
            images: Array of images, see `to_uint8`.
            clusterer: One of `clusterers`; None for the first.

        Returns:
            The clusters of the images.

        Raises:
            UserError: If the images are not those of `to_uint8`, or the clusterer is unknown.
        """
        name = self.clusterer_named(clusterer)
        fitted, matching, limit = self._load_clusterer(name)
        tensor = self._to_tensor(images)
        if not len(tensor):
            return self.assign(self._blank(), clusterer)[:0]
        latents = models.encode_all(self.encoder, tensor)
        found = fitted.find(latents)
        classes = [matching.get(cluster, -1) for cluster in found.clusters.tolist()]
        measured = found.distance
        if self.encoder.trains and self.encoder.can_decode:
            measured = models.reconstruction_errors(self.encoder, tensor, latents)
            limit = self.metrics["reconstruction_limit"]
        return Assignment(
            latents=latents,
            classes=np.array(classes, int),
            propagated=fitted.propagates,
            far=None if measured is None else measured > limit,
            **found._asdict(),
        )

    def open_input(self, path: Path) -> Input:
        """Open images in files, to be read in batches as those of the run were.

        Args:
            path: A folder, a picture, a file of arrays, a table or an idx file.

        Raises:
            UserError: If there is nothing to read, or a file is damaged.
        """
        return open_input(path, self._reading)

    def open_pictures(
        self, files: Sequence[PictureFile], ranges: Mapping[str, Range] | None = None
    ) -> Input:
        """Open picture files, to be read in batches as those of the run were.

        Args:
            files: The files.
            ranges: Pixel type to its range, for types that the run has not seen.
        """
        known = {**(ranges or {}), **self.ranges}
        return open_pictures(files, replace(self._reading, ranges=known))

    @property
    def excluded(self) -> Sequence[str]:
        """The patterns of files that the run has left out."""
        return self._reading.exclude

    @cached_property
    def _reading(self) -> Reading:
        data = self.config.data
        form = Form(
            self.image_size,
            "rgb" if self.is_in_colour else "gray",
            fit=str(data.get("fit", "stretch")),
            background=str(data.get("background", "white")),
            max_pixels=int(data.get("max_pixels", MAX_PIXELS)),
        )
        return Reading(
            form,
            models.batch_size(self.image_shape),
            ranges=self.ranges,
            exclude=exclude_patterns(data.get("exclude")),
            pages=str(data.get("pages", "all")),
            prefix=None if data.get("prefix") is None else str(data.prefix),
        )

    def has_other_background(self, images: NDArray[np.uint8]) -> bool:
        """Return whether the background is light where that of the run is dark, or vice versa.

        Args:
            images: uint8 array of shape (N, H, W) or (N, H, W, 3).
        """
        border = border_brightness(channels_first(images))
        return (border - MIDDLE) * (self.border - MIDDLE) < -MIN_CONTRAST

    def clusterer_named(self, name: str | None) -> str:
        """Return a name of `clusterers`, the first for None.

        Raises:
            UserError: If there is no clusterer of that name, or no clustering yet.
        """
        if not self.clusterers:
            run = shlex.quote(f"run={self.directory}")
            raise UserError(
                f"{self.directory} has no clustering yet: type python -m fmclust.cluster {run} "
                "cluster=gmm, for instance."
            )
        name = name or self.clusterers[0]
        require_option("clusterer", name, self.clusterers)
        return name

    def matching(self, clusterer: str) -> Mapping[int, int]:
        """Return cluster id to class; empty without labels."""
        return self._load_clusterer(clusterer)[1]

    def cluster_title(self, clusterer: str, cluster: int) -> str:
        """Return a cluster's id with the name of its matched class, if there is one."""
        if cluster < 0:
            return "noise"
        matched = self.matching(clusterer).get(cluster)
        return str(cluster) if matched is None else f"{cluster} ({self.class_names[matched]})"

    def _load_clusterer(self, name: str) -> tuple[Clusterer, Mapping[int, int], float]:
        """Return a clusterer, its matching, and the distance above which a latent is far."""
        if name not in self._loaded:
            folder = self.folders[name]
            limit = runs.read_metrics(folder).get(f"{name}/distance_limit", np.inf)
            fitted = load_fitted(folder, name)
            self._loaded[name] = fitted, runs.read_matching(folder, name), limit
        return self._loaded[name]

    @property
    def is_dark(self) -> bool:
        """Whether the images of the run have a dark background."""
        return self.border < MIDDLE

    @property
    def is_in_colour(self) -> bool:
        """Whether the images of the run have three channels."""
        return self.image_shape[0] == 3

    def _blank(self) -> NDArray[np.uint8]:
        """Return one black image, whose results give the shapes and dtypes of empty results."""
        shape = (*self.image_size, 3) if self.is_in_colour else self.image_size
        return np.zeros((1, *shape), np.uint8)

    def to_uint8(self, images: NDArray[Any]) -> NDArray[np.uint8]:
        """Return images as uint8, scaled as those of the run were.

        Args:
            images: Array of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), of the run's image size;
                numbers other than uint8 must be of a pixel type that the run has seen, whose
                range they are scaled by, or else from 0 to 1, or from 0 to 255.

        Returns:
            uint8 array of shape (N, H, W), or (N, H, W, 3) if the images of the run are in colour.

        Raises:
            UserError: If they are not.
        """
        array = ImageArray.of(np.asarray(images), "images")
        height, width = self.image_size
        if array.size != self.image_size:
            colour = ", 3" if self.is_in_colour else ""
            raise UserError(
                f"images are of shape {array.values.shape}: this run takes images of shape "
                f"(N, {height}, {width}{colour})."
            )
        limits = None
        if len(array) and (array.kind != BYTES or self.ranges):
            found = array.limits()
            limits = range_for(array.kind, found, self.ranges)
            if limits is None and array.kind != BYTES:
                raise UserError(
                    f"images are {array.values.dtype} from {span_text(found)}, a range that this "
                    "run does not know: convert them to uint8."
                )
            if limits is not None:
                for text in clipped(found, limits):
                    warnings.warn(text, stacklevel=2)
        return array.read(slice(None), limits, in_colour=self.is_in_colour)

    def _to_tensor(self, images: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.require(channels_first(self.to_uint8(images)), None, ["C", "W"]))


def load_fitted(folder: Path, name: str) -> Clusterer:
    """Return a clusterer, read from its arrays where they suffice, else from its estimator.

    Args:
        folder: Directory of the clustering.
        name: Name of the clusterer.
    """
    arrays = runs.verified(folder, f"clusterers/{name}.npz")
    if (stored := StoredClusterer.read(arrays)) is not None:
        return stored
    from fmclust.inference.estimators import EstimatorClusterer  # imports scikit-learn and skops

    return EstimatorClusterer(runs.verified(folder, f"clusterers/{name}.skops"))


def _not_trained(directory: Path, status: Mapping[str, Any] | None) -> str:
    """Return an error message about a directory without a trained encoder."""
    if status is None:
        return f"{directory} is not a run directory: type run=<the directory of a finished run>."
    run = shlex.quote(f"run={directory}")
    return (
        f"{directory} is a run that is {status['status']}, without a trained encoder: to resume "
        f"it, type python -m fmclust.resume {run}"
    )


def load_run(path: str | Path) -> LoadedRun:
    """Open a finished run by its directory; raise UserError as `LoadedRun` does."""
    # Path.resolve would follow links, and Path.absolute keeps `..`.
    return LoadedRun(Path(os.path.abspath(path)))
