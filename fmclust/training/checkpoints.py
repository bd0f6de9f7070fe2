"""Read how many epochs a run has finished, and write checkpoints atomically."""

import io
import shlex
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from fmclust.errors import UserError, reading
from fmclust.models import read_checkpoint
from fmclust.runs import LAST_CHECKPOINT, replacing


def epochs_finished(directory: Path) -> int:
    """Return the number of epochs in the last checkpoint of a run, or 0 without one.

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


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint to a temporary file beside it and rename: a full disk damages nothing.

    Lightning writes to the system's temporary folder, and copies over the last checkpoint where
    that folder is on another disk than the run.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, *_: Any, **__: Any) -> None:
        """Write a checkpoint; see `TorchCheckpointIO`."""
        buffer = io.BytesIO()  # torch hides why a file can't be written; `replacing` does not
        torch.save(checkpoint, buffer)
        with replacing(Path(path)) as partial:
            partial.write_bytes(buffer.getbuffer())
