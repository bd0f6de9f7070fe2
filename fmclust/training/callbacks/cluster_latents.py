"""After training: encode all images, cluster the latents, score the clusters."""

from collections.abc import Callable

from pytorch_lightning import LightningModule, Trainer

from fmclust.training.callbacks.base import RunCallback


class ClusterLatents(RunCallback):
    """Evaluates the trained encoder on rank zero; without this callback a run only trains.

    It runs when training has ended, or when a run goes on that has no epoch left.

    Attributes:
        evaluate: What encodes, clusters and scores, by the number of epochs; set before training.
    """

    evaluate: Callable[[int], object]

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.evaluate(trainer.current_epoch)
