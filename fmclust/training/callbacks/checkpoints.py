"""Checkpoints of the last epoch and of the best epoch."""

import math
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from fmclust.runs import BEST_CHECKPOINT, LAST_CHECKPOINT
from fmclust.training.callbacks.base import RunCallback, encoder_of, losses_of


class EpochCheckpoints(RunCallback, Checkpoint):
    """Write last.ckpt after every epoch, and best.ckpt after an epoch with the lowest loss.

    Lightning's ModelCheckpoint writes the last checkpoint only after a new best one, and it opens
    paths that are named in a checkpoint.

    Attributes:
        best: Lowest value so far of the encoder's monitor.
    """

    def __init__(self) -> None:
        self.best = math.inf
        self._stopped = False

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores."""
        return {"best": self.best, "stopped": self._stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.best, self._stopped = state_dict["best"], state_dict["stopped"]

    def on_fit_start(self, trainer: Trainer, *_: Any) -> None:
        """Stop a run that EarlyStopping stopped earlier, since its state does not say so."""
        trainer.should_stop = trainer.should_stop or self._stopped

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoints, and the times so far."""
        self._stopped = trainer.should_stop
        if pl_module.is_new_stage:
            self.best = math.inf  # the best checkpoint is from the last stage
        loss = losses_of(trainer)[encoder_of(pl_module).monitor]
        if loss < self.best:
            self.best = loss
            trainer.save_checkpoint(self.run.directory / BEST_CHECKPOINT)
        trainer.save_checkpoint(self.run.directory / LAST_CHECKPOINT)
        if trainer.is_global_zero:
            self.run.write_status("running")
