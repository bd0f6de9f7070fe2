"""Latents for `elbow` and `optima`: pixels, or the latents of a finished run."""

import logging
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from fmclust.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Latents to cluster.

    Attributes:
        latents: Array of shape (N, d): float64 latents, or float32 pixels.
        classes: int64 array of shape (N,), for scores; None without labels.
        name: Description for titles and messages.
        is_papers: Whether they are the pixels that the paper clusters: all of Fashion-MNIST.
    """

    latents: "NDArray[Any]"
    classes: "NDArray[Any] | None"
    name: str
    is_papers: bool


def source_of(config: DictConfig) -> Source:
    """Read the latents of `run=`, or encode the images of `data=`.

    Raises:
        UserError: If the run or the data does not exist, or has no latents.
    """
    return _encoded(config) if config.run is None else _latents(str(config.run))


def _latents(run: str) -> Source:
    from fmclust.runs import find_runs, is_done, read_classes, read_latents, read_status

    directories = find_runs("run", run)
    if len(directories) > 1:
        raise UserError(
            f"run={run} matches {len(directories)} runs: type "
            f"{shlex.quote(f'run={directories[0]}')}, for example."
        )
    directory = directories[0]
    status = read_status(directory)
    if status is None or not is_done(status):
        raise UserError(f"run={run} is not a finished run: type run=<the directory of one>.")
    if not (directory / "latents.npz").exists():
        if status.get("encoded"):
            raise UserError(
                f"run={run} has no latents of its own: leave out run=, and type data=<option>."
            )
        raise UserError(
            f"run={run} has not encoded its images: type python -m fmclust.cluster "
            f"{shlex.quote(f'run={run}')} cluster=<option> first."
        )
    latents = read_latents(directory)
    split = "train" if "train" in latents else "all"
    classes = read_classes(directory).get(split)
    rows = latents[split].astype("float64")
    return Source(rows, classes, _named(rows, "latents"), is_papers=False)


def _encoded(config: DictConfig) -> Source:
    from fmclust.data import build_source
    from fmclust.models import build_encoder, encode_all, require_weights
    from fmclust.paper.numbers import are_papers_pixels
    from fmclust.runs import model_name

    require_weights(config.model)
    data = build_source(config.data)
    split = data.splits[data.fitted_split]
    for warning in data.warnings:
        log.warning(warning)
    name, encoder = model_name(config), build_encoder(config.model, data.image_shape)
    if encoder.trains:
        raise UserError(f"model={name} has to be trained first: type run=<a finished run>.")
    if encoder.is_pretrained:
        encoder.fetch_weights()
    latents = encode_all(encoder, split.images)
    if encoder.keeps_latents:
        latents = latents.astype("float64")
    kind = f"{name} latents" if encoder.keeps_latents else name
    classes = None if split.labels is None else split.labels.numpy()
    return Source(latents, classes, _named(latents, kind), are_papers_pixels(config))


def _named(latents: "NDArray[Any]", kind: str) -> str:
    return f"{len(latents):,} x {latents.shape[1]} {kind}"
