"""Originals beside reconstructions of a fixed batch, as training goes on."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer

from fmclust.callbacks.base import RunCallback, datamodule_of
from fmclust.callbacks.checkpoints import epochs_finished
from fmclust.callbacks.tensorboard import tensorboard_writer
from fmclust.errors import require_whole, require_whole_numbers
from fmclust.evaluation import publish
from fmclust.models import Autoencoder, reconstruct_all
from fmclust.plots import draw_rows


class Reconstructions(RunCallback):
    """Draws the first images of the validation split at some epochs (the paper, section 1.2).

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
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, Autoencoder)
        made = reconstruct_all(pl_module, self._originals(trainer))
        self._drawn[epoch] = torch.from_numpy(made)
        self._publish(trainer, epoch)

    def _publish(self, trainer: Trainer, epoch: int) -> None:
        rows = {"original": self._originals(trainer)[:, 0].cpu()}
        rows |= {f"epoch {epoch}": drawn for epoch, drawn in self._drawn.items()}
        pixels = [images.numpy() for images in rows.values()]
        title = "reconstructions by epoch"
        draw = partial(draw_rows, pixels, [*rows], title=title, inches=0.7)
        publish(self.run, tensorboard_writer(trainer.loggers), "reconstructions", draw, step=epoch)

    def _originals(self, trainer: Trainer) -> torch.Tensor:
        datamodule = datamodule_of(trainer)
        split = datamodule.splits.get("val", datamodule.splits[datamodule.fitted_split])
        return split.images[: self.n_images]
