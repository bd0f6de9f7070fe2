"""Reading checkpoints, which may be damaged or hostile."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from fmclust.errors import UserError, refuse_bomb


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint of Lightning's: weights and plain values, nothing that could run.

    Args:
        path: The file.

    Returns:
        What it holds, on the CPU.

    Raises:
        UserError: If it is damaged, or holds more than that.
    """
    try:
        refuse_bomb(path)
        with zipfile.ZipFile(path) as file:  # torch compares no checksums
            damaged = file.testzip()
        if damaged is not None:
            raise ValueError(damaged)
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:  # torch raises nearly anything, and advises to trust the file
        raise UserError(f"{path} is damaged, or holds more than weights.") from error
