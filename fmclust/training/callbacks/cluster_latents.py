"""After training: encode all images, cluster the latents, score the clusters."""

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Trainer

from fmclust.training.callbacks.base import RunCallback


class ClusterLatents(RunCallback):
    """Evaluate the trained encoder on rank zero; without this callback a run only trains.

    A resumed run that has no epoch left is evaluated too.

    Attributes:
        evaluate: Encodes, clusters and scores, given the number of epochs; set before training.
    """

    evaluate: Callable[[int], object]

    def on_fit_end(self, trainer: Trainer, *_: Any) -> None:
        """Evaluate the encoder."""
        if trainer.is_global_zero:
            self.evaluate(trainer.current_epoch)
