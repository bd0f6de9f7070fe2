"""Reading how far a run is from its last checkpoint, and writing checkpoints whole."""

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
    """Returns how many epochs the last checkpoint of a run has seen; 0 without one.

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
        cure = f"Type rm {shlex.quote(str(path))}, then your command again, to train from epoch 1."
        raise UserError(f"{error} {cure}") from error


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
