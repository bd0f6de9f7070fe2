"""Read picture files of any mode and size with Pillow, as uint8 images of one size."""

import errno
import math
import os
import shutil
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fmclust.errors import UserError, one_line

MAX_AHEAD = 256  # pictures that are decoded before the caller takes them
# The formats to read. Pillow's other formats are rare; EPS would run Ghostscript, and ICO is
# decoded before its size is known.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
MAX_PIXELS = 1 << 26  # of a picture, against decompression bombs
MAX_PARALLEL_PIXELS = 1 << 23  # larger pictures are decoded one at a time, to bound the memory
_one_at_a_time = threading.Lock()

Picture = tuple[Path, NDArray[np.uint8] | UserError]  # a file, and its image or the error


def pictures_below(folder: Path) -> list[Path]:
    """Return all files below a folder that are not hidden or in a hidden folder, sorted by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(p for p in files if "/." not in f"/{p.relative_to(folder).as_posix()}")


def read_picture(path: Path, size: Sequence[int]) -> NDArray[np.uint8]:
    """Read a picture in grayscale, rotated as its EXIF data say, and resize it.

    Transparent pixels become white, 16 bits are scaled to 8, and only the first frame is read.

    Args:
        path: A file in one of `FORMATS`.
        size: Height and width in pixels.

    Returns:
        uint8 array of shape (H, W).

    Raises:
        UserError: If the file is not a picture, or is truncated or too large.
    """
    try:
        with Image.open(path, formats=_formats()) as picture:
            n_pixels = picture.width * picture.height
            if n_pixels > MAX_PIXELS:
                raise ValueError(f"{picture.width}x{picture.height} pixels are too many")
            with _one_at_a_time if n_pixels > MAX_PARALLEL_PIXELS else nullcontext():
                gray = _grayscale(ImageOps.exif_transpose(picture))
    except Exception as error:  # Pillow raises nearly any type for damaged or hostile files
        raise UserError(f"{path} is not a readable picture: {one_line(error)}") from error
    return resized(gray, size)


def resized(gray: Image.Image, size: Sequence[int]) -> NDArray[np.uint8]:
    """Resize a picture in mode L to a height and width in pixels: uint8 of shape (H, W)."""
    height, width = size
    if gray.size != (width, height):
        gray = gray.resize((width, height), Image.Resampling.BILINEAR)  # averages when it shrinks
    return np.asarray(gray)


@cache
def _formats() -> list[str]:
    """Return the members of `FORMATS` that the installed Pillow reads."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _grayscale(picture: Image.Image) -> Image.Image:
    """Convert a picture to mode L, 0 to 255."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.array(picture, np.float32)
        brightest = values.max(initial=0)
        white = 1.0 if picture.mode == "F" and brightest <= 1 else 255.0
        white = 65535.0 if brightest > 255 or picture.mode.startswith("I;16") else white
        values *= 255 / white
        return Image.fromarray(np.rint(values, out=values).clip(0, 255, out=values).astype("u1"))
    if "A" in picture.getbands() or "transparency" in picture.info:
        transparent = picture.convert("RGBA")
        white_page = Image.new("RGBA", transparent.size, "white")
        picture = Image.alpha_composite(white_page, transparent)
    return picture.convert("L")


def read_in_order(paths: Iterable[Path], size: Sequence[int]) -> Iterator[Picture]:
    """Read pictures in threads, at most `MAX_AHEAD` of them in advance.

    Args:
        paths: Any number of files.
        size: Height and width in pixels.

    Yields:
        Each path, in order, with its uint8 image of shape (H, W), or the error if it is unreadable.
    """

    def read(path: Path) -> Picture:
        try:
            return path, read_picture(path, size)
        except UserError as error:
            return path, error

    pending: deque[Future[Picture]] = deque()
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, warnings.catch_warnings():
        # Pillow warns about pictures that MAX_PIXELS refuses.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for path in paths:
            pending.append(pool.submit(read, path))
            if len(pending) == MAX_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def border_brightness(images: NDArray[np.uint8]) -> float:
    """Return the mean of the outermost pixels of uint8 images of shape (N, H, W): 0 to 255."""
    inner = images[:, 1:-1, 1:-1]
    total = images.sum(dtype=np.int64) - inner.sum(dtype=np.int64)
    return float(total / (images.size - inner.size))


def empty_images(n: int, size: Sequence[int], folder: Path | None) -> NDArray[np.uint8]:
    """Allocate an array of images, in a memory-mapped file if the memory is too small.

    Args:
        n: Number of images.
        size: Height and width in pixels.
        folder: Folder of the file, which is made if the images need more than half of the free
            memory, and deleted when the process ends. None: the system's temporary folder.

    Returns:
        uint8 array of shape (n, H, W).

    Raises:
        UserError: If there is not enough space in the folder.
    """
    shape = (n, *size)
    needed = math.prod(shape)
    if needed <= psutil.virtual_memory().available // 2:
        return np.empty(shape, np.uint8)
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
    return np.memmap(file, np.uint8, "w+", shape=shape)
