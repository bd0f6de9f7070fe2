"""Read the last checkpoint of a run, and write checkpoints atomically."""

import io
import shlex
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from lightning_utilities.core.apply_func import apply_to_collection
from pytorch_lightning import LightningModule
from pytorch_lightning.plugins.io import TorchCheckpointIO

from fmclust.errors import UserError, one_line, reading
from fmclust.models import read_checkpoint
from fmclust.runs import LAST_CHECKPOINT, replacing


def epochs_finished(directory: Path) -> int:
    """Return the number of epochs in the last checkpoint of a run, or 0 if it has none.

    Raises:
        UserError: If the checkpoint is damaged.
    """
    path = directory / LAST_CHECKPOINT
    if not path.exists():
        return 0
    try:
        with reading(path):
            return int(read_checkpoint(path)["epoch"]) + 1
    except UserError as error:
        raise UserError(
            f"{error} Type rm {shlex.quote(str(path))}, then your command again, to train from "
            "epoch 1."
        ) from error


def require_resumable(path: Path, module: LightningModule, n_epochs: int) -> None:
    """Check that training can go on from a checkpoint.

    Args:
        path: The checkpoint.
        module: Module to train; the weights are loaded into it.
        n_epochs: Number of epochs to train in all.

    Raises:
        UserError: If the weights are of another network, or `trainer.max_epochs` was raised after
            the run began.
    """
    checkpoint = read_checkpoint(path)
    try:
        module.load_state_dict(checkpoint.get("state_dict", {}))
    except (RuntimeError, TypeError) as error:
        raise UserError(f"{path} is of another network than config.yaml.") from error
    _require_planned(checkpoint, n_epochs)


def _require_planned(checkpoint: dict[str, Any], n_epochs: int) -> None:
    """Refuse more epochs than the schedule of the learning rate has steps for."""
    n_steps = checkpoint["global_step"] / (checkpoint["epoch"] + 1)  # of an epoch
    for schedule in checkpoint.get("lr_schedulers", ()):
        planned = schedule.get("total_steps") or 0
        if 0 < planned < n_steps * n_epochs:
            raise UserError(
                f"config.yaml has trainer.max_epochs={n_epochs}, and the learning rate was planned "
                f"for {planned / n_steps:.0f} epochs: restore that number, or start a new run."
            )


def _require_readable(buffer: io.BytesIO) -> None:
    """Refuse a checkpoint with objects that `read_checkpoint` does not load."""
    buffer.seek(0)
    try:
        torch.load(buffer, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(
            "the state of a callback, the optimizer or its schedule can't be saved: in its "
            f"state_dict, use numbers, texts, lists and tensors only ({one_line(error)})."
        ) from error


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint to a temporary file in its folder, then rename the file.

    A full disk therefore never damages the last checkpoint. Lightning's default writes to the
    system's temporary folder; if that is on another disk, it copies over the last checkpoint.
    """

    _is_readable = False  # whether the first checkpoint could be read again

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, *_: Any, **__: Any) -> None:
        """Write a checkpoint, with numbers of NumPy as Python's; see `TorchCheckpointIO`.

        Raises:
            UserError: If it could not be read again.
        """
        plain = {
            key: held
            if key == "state_dict"  # has more than its items: versions of modules
            else apply_to_collection(held, np.generic, np.generic.item)
            for key, held in checkpoint.items()
        }
        buffer = io.BytesIO()  # writing to a file, torch would hide the cause of a failure
        torch.save(plain, buffer)
        if not self._is_readable:
            _require_readable(buffer)
            self._is_readable = True
        with replacing(Path(path)) as partial:
            partial.write_bytes(buffer.getbuffer())
