"""Images of a fixed batch beside their reconstructions during training."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer

from fmclust.errors import require_whole, require_whole_numbers
from fmclust.evaluation import publish
from fmclust.models import channels_last, reconstruct_all
from fmclust.plots import draw_rows
from fmclust.training.callbacks.base import RunCallback, encoder_of, shown_images
from fmclust.training.loggers import LoggerDisplay


class Reconstructions(RunCallback):
    """Draw the first images of the validation split after some epochs (the paper, section 1.2).

    Nothing is drawn if the encoder has no decoder.

    Args:
        epochs: Numbers of epochs, from 1, after which to draw; the last epoch is always drawn.
        n_images: Number of images.
    """

    def __init__(self, *, epochs: Sequence[int], n_images: int) -> None:
        require_whole_numbers("callbacks.reconstructions.epochs", epochs)
        require_whole("callbacks.reconstructions.n_images", n_images, 1)
        self.epochs, self.n_images = set(epochs), n_images
        self._drawn: dict[int, torch.Tensor] = {}  # epoch to uint8 reconstructions

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores."""
        return {"drawn": self._drawn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self._drawn = state_dict["drawn"]

    def on_fit_start(self, trainer: Trainer, *_: Any) -> None:
        """Publish the last figure again, which RunLogger removes when a run is resumed."""
        if self.epochs_before in self._drawn and trainer.is_global_zero:
            self._publish(trainer, self.epochs_before)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the epoch if it is one of `epochs`."""
        if trainer.current_epoch + 1 in self.epochs:
            self._draw(trainer, pl_module, trainer.current_epoch + 1)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last epoch."""
        if trainer.current_epoch not in self.epochs:
            self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: Trainer, pl_module: LightningModule, epoch: int) -> None:
        encoder = encoder_of(pl_module)
        if trainer.is_global_zero and encoder.can_decode:
            images = reconstruct_all(encoder, shown_images(trainer, self.n_images))
            self._drawn[epoch] = torch.from_numpy(images)
            self._publish(trainer, epoch)

    def _publish(self, trainer: Trainer, epoch: int) -> None:
        shown = shown_images(trainer, self.n_images).cpu()
        rows = [channels_last(shown), *self._drawn.values()]
        names = ["original", *(f"epoch {drawn}" for drawn in self._drawn)]
        title = "reconstructions by epoch"
        draw = partial(draw_rows, [r.numpy() for r in rows], names, title=title, inches=0.7)
        publish(self.run, LoggerDisplay(trainer.loggers, epoch), "reconstructions", draw)
