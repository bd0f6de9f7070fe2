"""Originals beside reconstructions of a fixed batch, as training goes on."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer

from fmclust.errors import require_whole, require_whole_numbers
from fmclust.evaluation import publish
from fmclust.models import reconstruct_all
from fmclust.plots import draw_rows
from fmclust.training.callbacks.base import RunCallback, encoder_of, source_of
from fmclust.training.checkpoints import epochs_finished
from fmclust.training.loggers import LoggerDisplay


class Reconstructions(RunCallback):
    """Draws the first images of the validation split at some epochs (the paper, section 1.2).

    Encoders without a decoder have none.

    Args:
        epochs: After which epochs, from 1; the last epoch is drawn in any case.
        n_images: How many images.
    """

    def __init__(self, *, epochs: Sequence[int], n_images: int) -> None:
        require_whole_numbers("callbacks.reconstructions.epochs", epochs)
        require_whole("callbacks.reconstructions.n_images", n_images, 1)
        self.epochs, self.n_images = set(epochs), n_images
        self._drawn: dict[int, torch.Tensor] = {}  # epoch to uint8 reconstructions (N, H, W)

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self._drawn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._drawn = state_dict["drawn"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = epochs_finished(self.run.directory)
        if epoch in self._drawn and trainer.is_global_zero:
            self._publish(trainer, epoch)  # TensorBoard has forgotten it, see RunLogger

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch + 1 in self.epochs:
            self._draw(trainer, pl_module, trainer.current_epoch + 1)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch not in self.epochs:
            self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: Trainer, pl_module: LightningModule, epoch: int) -> None:
        if not (trainer.is_global_zero and encoder_of(pl_module).can_decode):
            return
        made = reconstruct_all(encoder_of(pl_module), self._originals(trainer))
        self._drawn[epoch] = torch.from_numpy(made)
        self._publish(trainer, epoch)

    def _publish(self, trainer: Trainer, epoch: int) -> None:
        rows = {"original": self._originals(trainer)[:, 0].cpu()}
        rows |= {f"epoch {epoch}": drawn for epoch, drawn in self._drawn.items()}
        pixels = [images.numpy() for images in rows.values()]
        title = "reconstructions by epoch"
        draw = partial(draw_rows, pixels, [*rows], title=title, inches=0.7)
        publish(self.run, LoggerDisplay(trainer.loggers, epoch), "reconstructions", draw)

    def _originals(self, trainer: Trainer) -> torch.Tensor:
        source = source_of(trainer)
        split = source.splits.get("val", source.splits[source.fitted_split])
        return split.images[: self.n_images]
