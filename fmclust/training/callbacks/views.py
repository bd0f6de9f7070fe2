"""Random views of a few images, as an encoder with augmentation is trained on them."""

from functools import partial

import torch
from pytorch_lightning import LightningModule, Trainer

from fmclust.errors import require_whole
from fmclust.evaluation import publish
from fmclust.models import channels_last, to_uint8
from fmclust.plots import draw_rows
from fmclust.training.callbacks.base import RunCallback, encoder_of, shown_images
from fmclust.training.loggers import LoggerDisplay


class Views(RunCallback):
    """Draw random views of the first validation images once, when training begins.

    Nothing is drawn if the encoder sees the images themselves.

    Args:
        n_images: Number of images.
    """

    def __init__(self, *, n_images: int) -> None:
        require_whole("callbacks.views.n_images", n_images, 1)
        self.n_images = n_images

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the views."""
        images = shown_images(trainer, self.n_images).cpu()
        views = encoder_of(pl_module).example_views(images, torch.Generator().manual_seed(0))
        if not views or not trainer.is_global_zero:
            return
        rows = [channels_last(row).numpy() for row in (images, *map(to_uint8, views))]
        names = ["image", *(f"view {number}" for number in range(1, len(rows)))]
        draw = partial(draw_rows, rows, names, title="random views in training", inches=0.7)
        publish(self.run, LoggerDisplay(trainer.loggers, self.epochs_before), "views", draw)
