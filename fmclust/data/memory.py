"""Memory for the decoded images of a folder."""

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from fmclust.errors import UserError


def empty_images(n: int, shape: Sequence[int], folder: Path | None) -> NDArray[np.uint8]:
    """Allocate an array of images, in a memory-mapped file if the memory is too small.

    Args:
        n: Number of images.
        shape: Channels, height and width.
        folder: Folder of the file, which is made if the images need more than half of the free
            memory, and deleted when the process ends. None: the system's temporary folder.

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
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        # The file is closed, and thereby deleted, with the array.
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    except OSError as error:
        raise UserError(
            f"{needed / 1e9:.1f} GB of images fit neither in memory nor in {folder} "
            f"({error.strerror}): type data.cache=<a folder with that much space>."
        ) from error
    return np.memmap(file, np.uint8, "w+", shape=(n, *shape))
