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


def fit_in_memory(n: int, shape: Sequence[int]) -> bool:
    """Return whether n uint8 images need at most half of the free memory."""
    return math.prod((n, *shape)) <= psutil.virtual_memory().available // 2


def empty_images(n: int, shape: Sequence[int], folder: Path | None) -> NDArray[np.uint8]:
    """Allocate an array of images, in a memory-mapped file if the memory is too small.

    Args:
        n: Number of images.
        shape: Channels, height and width.
        folder: Folder of the file, which is deleted when the process ends; None: the system's
            temporary folder.

    Returns:
        uint8 array of shape (n, C, H, W).

    Raises:
        UserError: If there is not enough space in the folder.
    """
    if fit_in_memory(n, shape):
        return np.empty((n, *shape), np.uint8)
    # The file is closed, and thereby deleted, with the array.
    return mapped(n, shape, folder or Path(tempfile.gettempdir()), is_kept=False)[0]


def mapped(
    n: int, shape: Sequence[int], folder: Path, *, is_kept: bool
) -> tuple[NDArray[np.uint8], Path]:
    """Allocate an array of images in a memory-mapped file.

    Args:
        n: Number of images.
        shape: Channels, height and width.
        folder: Folder of the file.
        is_kept: Whether the file stays when the array is deleted.

    Returns:
        uint8 array of shape (n, C, H, W), and the path of the file.

    Raises:
        UserError: If there is not enough space in the folder.
    """
    needed = math.prod((n, *shape))
    try:
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
    return np.memmap(file, np.uint8, "w+", shape=(n, *shape)), Path(file.name)
