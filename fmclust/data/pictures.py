"""Picture files to uint8 images of one size, by Pillow: whatever mode and size they have."""

import errno
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from fmclust.errors import UserError, one_line

AHEAD = 256  # pictures decoded before the first of them is asked for
# What pictures come in; Pillow's other formats are rare, EPS would run Ghostscript, and ICO is
# decoded before its size can be asked for.
FORMATS = (
    "AVIF",
    "BMP",
    "GIF",
    "JPEG",
    "JPEG2000",
    "MPO",
    "PNG",
    "PPM",
    "TGA",
    "TIFF",
    "WEBP",
)
MAX_PIXELS = 1 << 26  # of a picture; a bomb promises more
MAX_PARALLEL_PIXELS = 1 << 23  # of pictures that are decoded one at a time, for their memory
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Unreadable:
    """Why a file gave no image."""

    path: Path
    reason: str


def pictures_below(folder: Path) -> list[Path]:
    """Returns all files below a folder but hidden ones, in the order of their names."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read_picture(path: Path, size: Sequence[int]) -> np.ndarray:
    """Reads one picture: grayscale, upright as its EXIF data say, stretched to a size.

    Transparent parts become white; 16 bits become 8; of several frames the first is taken.

    Args:
        path: Any file that Pillow knows.
        size: Height and width in pixels.

    Returns:
        uint8 array of shape (H, W).

    Raises:
        UserError: If the file holds no picture, or one that is cut short or too large.
    """
    try:
        with Image.open(path, formats=_formats()) as picture:
            n_pixels = picture.width * picture.height
            if n_pixels > MAX_PIXELS:
                raise ValueError(f"{picture.width}x{picture.height} pixels are too many")
            with _one_at_a_time if n_pixels > MAX_PARALLEL_PIXELS else nullcontext():
                gray = _grayscale(ImageOps.exif_transpose(picture))
    except Exception as error:  # hostile files make Pillow raise nearly anything
        raise UserError(f"{path} is no readable picture: {one_line(error)}") from error
    return resized(gray, size)


def resized(gray: Image.Image, size: Sequence[int]) -> np.ndarray:
    """Stretches a picture in mode L to a height and width in pixels: uint8 of shape (H, W)."""
    height, width = size
    if gray.size != (width, height):
        gray = gray.resize((width, height), Image.Resampling.BILINEAR)  # averages when it shrinks
    return np.asarray(gray)


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _grayscale(picture: Image.Image) -> Image.Image:
    """Returns a picture in mode L."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.array(picture, np.float32)
        brightest = values.max(initial=0)
        most = 1.0 if picture.mode == "F" and brightest <= 1 else 255.0
        most = 65535.0 if brightest > 255 or picture.mode.startswith("I;16") else most
        values *= 255 / most
        return Image.fromarray(np.rint(values, out=values).clip(0, 255, out=values).astype("u1"))
    if "A" in picture.getbands() or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        page = Image.new("RGBA", clear.size, "white")
        picture = Image.alpha_composite(page, clear)
    return picture.convert("L")


def read_in_order(
    paths: Iterable[Path], size: Sequence[int]
) -> Iterator[tuple[Path, np.ndarray | Unreadable]]:
    """Reads pictures on all cores, a bounded number ahead.

    Args:
        paths: Any number of files.
        size: Height and width in pixels.

    Yields:
        Each path, in order, with its uint8 image of shape (H, W) or why there is none.
    """

    def read(path: Path) -> tuple[Path, np.ndarray | Unreadable]:
        try:
            return path, read_picture(path, size)
        except UserError as error:
            return path, Unreadable(path, str(error))

    pending = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, warnings.catch_warnings():
        # Pillow warns from 89 million pixels on; MAX_PIXELS refuses them.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for path in paths:
            pending.append(pool.submit(read, path))
            if len(pending) == AHEAD:
                for future in pending[: AHEAD // 2]:
                    yield future.result()
                del pending[: AHEAD // 2]
        for future in pending:
            yield future.result()


def border_brightness(images: np.ndarray) -> float:
    """Returns the mean of the outermost pixels of uint8 images of shape (N, H, W): 0 to 255."""
    _, height, width = images.shape
    inner = images[:, 1:-1, 1:-1]
    total = images.sum(dtype=np.int64) - inner.sum(dtype=np.int64)
    return float(total / (images.shape[0] * (height * width - inner.shape[1] * inner.shape[2])))


def empty_images(n: int, size: Sequence[int], folder: Path | None) -> np.ndarray:
    """Returns room for images: uint8 of shape (n, H, W).

    Args:
        n: Number of images.
        size: Height and width in pixels.
        folder: Where a file takes them if they need more than half of the free memory; None: the
            system's folder for temporary files. The file goes when the process ends.

    Raises:
        UserError: If the file has no room there.
    """
    shape = (n, *size)
    needed = int(np.prod(shape, dtype=np.int64))
    if needed <= _free_memory() // 2:
        return np.empty(shape, np.uint8)
    place = folder or Path(tempfile.gettempdir())
    try:
        if shutil.disk_usage(place).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file = tempfile.TemporaryFile(dir=place)
    except OSError as error:
        raise UserError(
            f"{needed / 1e9:.1f} GB of images have no room in memory, nor in {place} "
            f"({error.strerror}): type data.cache=<a folder with that much space>."
        ) from error
    return np.memmap(file, np.uint8, "w+", shape=shape)


def _free_memory() -> int:
    """Returns bytes; all there is where the system does not say what is free."""
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
