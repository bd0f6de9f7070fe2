"""What the commands beside the main job cluster: pixels, or the latents of a finished run."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from fmclust.errors import UserError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Source:
    """Latents to cluster.

    Attributes:
        latents: float32 array of shape (N, d).
        classes: int64 array of shape (N,), to score with; None without labels.
        name: What to call them.
        is_papers: Whether they are the pixels that the paper clusters, all of Fashion-MNIST's.
    """

    latents: "np.ndarray"
    classes: "np.ndarray | None"
    name: str
    is_papers: bool


def source_of(config: DictConfig) -> Source:
    """Reads what `run=` names, or the pixels that `data=` names.

    Raises:
        UserError: If there is no such run, or no such data.
    """
    if config.run is not None:
        from fmclust.runs import read_classes, read_latents, read_status

        directory = Path(os.path.abspath(str(config.run)))
        if (read_status(directory) or {}).get("status") != "done":
            raise UserError(f"run={config.run} is no finished run: type run=<one's directory>.")
        if not (directory / "latents.npz").exists():
            raise UserError(f"run={config.run} is of pixels: leave out run= and type data=.")
        latents = read_latents(directory)
        split = "train" if "train" in latents else "all"
        name = _named(latents[split], "latents")
        return Source(latents[split], read_classes(directory).get(split), name, is_papers=False)
    from fmclust.data import FashionMNISTDataModule, ImageDataModule
    from fmclust.models import Pixels, encode_all
    from fmclust.targets import build

    data = build(config.data, ImageDataModule)
    data.setup()
    split = data.splits[data.fitted_split]
    pixels = encode_all(Pixels(image_size=data.image_size), split.images)
    classes = None if split.labels is None else split.labels.numpy()
    is_papers = isinstance(data, FashionMNISTDataModule) and data.split == "all"
    return Source(pixels, classes, _named(pixels, "pixels"), is_papers)


def _named(latents: "np.ndarray", kind: str) -> str:
    return f"{len(latents):,} x {latents.shape[1]} {kind}"
