"""After training: encode all images, cluster the latents, score the clusters."""

from collections.abc import Callable

from pytorch_lightning import LightningModule, Trainer

from fmclust.models import load_weights
from fmclust.runs import BEST_CHECKPOINT
from fmclust.training.callbacks.base import RunCallback, encoder_of
from fmclust.training.callbacks.checkpoints import EpochCheckpoints


class ClusterLatents(RunCallback):
    """Evaluates the trained encoder on rank zero; without this callback a run only trains.

    It runs when training has ended, or when a run goes on that has no epoch left.

    Attributes:
        evaluate: What encodes, clusters and scores, by the step of the loggers; set before
            training.
        encode_from: Whose weights encode: `last`, or `best` by the encoder's monitor.
    """

    evaluate: Callable[[int], object]
    encode_from: str = "last"

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        if self.encode_from == "best":
            load_weights(encoder_of(pl_module), self.run.directory / BEST_CHECKPOINT)
            (checkpoints,) = [c for c in trainer.callbacks if isinstance(c, EpochCheckpoints)]  # type: ignore[attr-defined]
            self.run.metrics[encoder_of(pl_module).monitor] = checkpoints.best
        pl_module.to(trainer.strategy.root_device)  # Lightning has moved it to the CPU
        self.evaluate(trainer.current_epoch)
