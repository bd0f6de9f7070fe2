"""Checkpoints that are whole or not there: of every epoch's end, and of the best one."""

import io
import math
import shlex
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from fmclust.callbacks.base import RunCallback, losses_of
from fmclust.errors import UserError, blaming
from fmclust.models import read_checkpoint
from fmclust.runs import BEST_CHECKPOINT, LAST_CHECKPOINT, replacing


def epochs_finished(directory: Path) -> int:
    """Returns how many epochs the last checkpoint of a run has seen; 0 without one.

    Raises:
        UserError: If the checkpoint is damaged.
    """
    path = directory / LAST_CHECKPOINT
    if not path.exists():
        return 0
    try:
        with blaming(path):
            return int(read_checkpoint(path)["epoch"]) + 1
    except UserError as error:
        cure = f"Type rm {shlex.quote(str(path))}, then your command again, to train from epoch 1."
        raise UserError(f"{error} {cure}") from error


class EpochCheckpoints(RunCallback, Checkpoint):
    """Writes last.ckpt after every epoch, and best.ckpt after one with the least `loss/val`.

    Lightning's ModelCheckpoint writes its last one only with a new best, and believes paths that a
    checkpoint names.

    Attributes:
        best: The least `loss/val` so far.
    """

    def __init__(self) -> None:
        self.best = math.inf
        self._stopped = False

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "stopped": self._stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self._stopped = state_dict["best"], state_dict["stopped"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self._stopped  # EarlyStopping keeps no such

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stopped = trainer.should_stop
        loss = losses_of(trainer)["loss/val"]
        if loss < self.best:
            self.best = loss
            trainer.save_checkpoint(self.run.directory / BEST_CHECKPOINT)
        trainer.save_checkpoint(self.run.directory / LAST_CHECKPOINT)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the file and renames: on a full disk the last checkpoint stays.

    Lightning's own writes below the system's temporary folder, and what is on another disk than
    the run is copied over the last checkpoint bit by bit.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        buffer = io.BytesIO()  # torch hides why it can't write a file; this raises an OSError
        torch.save(checkpoint, buffer)
        with replacing(Path(path)) as partial:
            partial.write_bytes(buffer.getbuffer())
