"""Memory for decoded images, or a memory-mapped file if there are too many."""

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import psutil
from numpy.typing import NDArray

from fmclust.errors import UserError


def empty_images(
    n: int, shape: Sequence[int], folder: Path | None = None, *, is_kept: bool = False
) -> NDArray[np.uint8]:
    """Allocate an array of images, in a memory-mapped file if the memory is too small.

    Args:
        n: Number of images.
        shape: Channels, height and width.
        folder: Folder of the file, used if the images need more than half of the free memory, and
            created if it does not exist. None: the system's temporary folder.
        is_kept: Whether the file stays; otherwise it is deleted with the array.

    Returns:
        uint8 array of shape (n, C, H, W).

    Raises:
        UserError: If there is not enough space in the folder.
    """
    needed = math.prod((n, *shape))
    if needed <= psutil.virtual_memory().available // 2:
        return np.empty((n, *shape), np.uint8)
    folder = folder or Path(tempfile.gettempdir())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed with the array
            prefix="fmclust-", dir=folder, delete=not is_kept
        )
    except OSError as error:
        raise UserError(
            f"{needed / 1e9:.1f} GB of images fit neither in memory nor in {folder} "
            f"({error.strerror}): type data.cache=<a folder with that much space>."
        ) from error
    return np.memmap(file, np.uint8, "w+", shape=(n, *shape))
