"""Loggers: TensorBoard events in the run directory, and any other loggers of Lightning."""

import inspect
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from PIL import Image
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch import Tensor
from torch.nn.functional import pad

from fmclust.evaluation import Display
from fmclust.evaluation.thumbnails import shrunk
from fmclust.training import tensorboard
from fmclust.training.checkpoints import epochs_finished
from fmclust.trust import build, target_class

MAX_PROJECTED = 5000  # latents
MAX_PROJECTED_WIDTH = 256  # columns; wider latents (pixels) make files of tens of MB
MAX_LABEL_SIDE = 64  # pixels; larger images are shrunk for the projector
MAX_SPRITE_SIDE = 8192  # pixels, the limit of TensorBoard's projector


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger without hparams.yaml, which config.yaml replaces.

    When a run is resumed, TensorBoard hides the events of the last finished epoch and of all later
    epochs. They are logged again, so that no curve has two values for an epoch.

    Args:
        save_dir: Run directory.
        settings: Other arguments of TensorBoardLogger.
    """

    def __init__(self, save_dir: Path, **settings: Any) -> None:
        epochs = epochs_finished(save_dir)
        super().__init__(
            save_dir, "", "", default_hp_metric=False, sub_dir=None, purge_step=epochs, **settings
        )

    def save(self) -> None:
        """Write all pending events."""
        self.experiment.flush()


def build_loggers(configs: DictConfig, directory: Path) -> list[Logger]:
    """Build all loggers. The default `save_dir` of a logger that takes one is the run directory.

    Raises:
        UserError: If a logger is not trusted, or refuses its arguments.
    """
    loggers = []
    for settings in filter(None, configs.values()):
        accepted = inspect.signature(target_class(settings._target_, Logger)).parameters
        needed = "save_dir" in accepted.keys() - settings.keys()
        loggers.append(build(settings, Logger, **({"save_dir": directory} if needed else {})))
    return loggers


class LoggerDisplay(Display):
    """Show scores in all loggers, figures in loggers of images, and latents in TensorBoard.

    Args:
        loggers: Lightning's loggers.
        step: Number of epochs, used as the loggers' step.
    """

    def __init__(self, loggers: Sequence[Logger], step: int) -> None:
        self.loggers, self.step = loggers, step
        self.writer = tensorboard.summary_writer(loggers)

    def scalars(self, values: Mapping[str, float]) -> None:
        """Log numbers by name."""
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.step)

    def figure(self, tag: str, png: bytes) -> None:
        """Log a figure, the bytes of a PNG file."""
        if self.writer is not None:
            tensorboard.add_png(self.writer, tag, png, self.step)
        for logger in self.loggers:
            if hasattr(logger, "log_image"):  # of WandbLogger, for example
                logger.log_image(key=tag, images=[Image.open(io.BytesIO(png))], step=self.step)

    def latents(
        self, latents: NDArray[np.float32], images: Tensor, columns: Mapping[str, Sequence[str]]
    ) -> None:
        """Log the first latents for TensorBoard's projector; see `Display.latents`."""
        if self.writer is None or latents.shape[1] > MAX_PROJECTED_WIDTH:
            return
        n = min(MAX_PROJECTED, (MAX_SPRITE_SIDE // MAX_LABEL_SIDE) ** 2, len(latents))
        # The projector reads a header only in a file of at least two columns.
        named = {**columns, "index": [str(i) for i in range(n)]}
        self.writer.add_embedding(
            torch.from_numpy(latents[:n]),
            metadata=list(zip(*(values[:n] for values in named.values()), strict=True)),
            metadata_header=list(named),
            label_img=_square(images[:n]),
            tag="latents",
        )

    def close(self) -> None:
        """Write to TensorBoard that the run has finished."""
        if self.writer is not None:
            tensorboard.add_end(self.writer)


def _square(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in 0..1, padded to squares of at most `MAX_LABEL_SIDE`."""
    pixels = shrunk(images, MAX_LABEL_SIDE).float() / 255
    height, width = pixels.shape[-2:]
    side = max(height, width)
    return pad(pixels, (0, side - width, 0, side - height))
