"""What the commands beside the main job cluster: pixels, or the latents of a finished run."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    import numpy as np

PAPERS_PIXELS = "70,000 x 784 pixels"


@dataclass(frozen=True)
class Source:
    """Latents to cluster.

    Attributes:
        latents: float32 array of shape (N, d).
        classes: int64 array of shape (N,), to score with; None without labels.
        name: What to call them.
    """

    latents: "np.ndarray"
    classes: "np.ndarray | None"
    name: str


def source_of(config: DictConfig) -> Source:
    """Reads what `run=` names, or the pixels that `data=` names.

    Raises:
        UserError: If there is no such run, or no such data.
    """
    if config.run is not None:
        from fmclust.runs import read_classes, read_latents

        directory = Path(os.path.abspath(str(config.run)))
        latents = read_latents(directory)["train"]
        return Source(latents, read_classes(directory).get("train"), _named(latents, "latents"))
    from fmclust.data import ImageDataModule
    from fmclust.models import Pixels, encode_all
    from fmclust.targets import build

    data = build(config.data, ImageDataModule)
    data.setup()
    split = data.splits[data.fitted_split]
    pixels = encode_all(Pixels(image_size=data.image_size), split.images)
    classes = None if split.labels is None else split.labels.numpy()
    return Source(pixels, classes, _named(pixels, "pixels"))


def _named(latents: "np.ndarray", kind: str) -> str:
    return f"{len(latents):,} x {latents.shape[1]} {kind}"
