"""Checkpoints that are whole or not there."""

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from fmclust.runs import replacing


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
