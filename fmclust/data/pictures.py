"""Picture files to uint8 images of one size, by Pillow: whatever mode and size they have."""

import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fmclust.errors import UserError, one_line

AHEAD = 256  # pictures decoded before the first of them is asked for


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
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                gray = _grayscale(ImageOps.exif_transpose(picture))
    except Exception as error:  # hostile files make Pillow raise nearly anything
        raise UserError(f"{path} is no readable picture: {one_line(error)}") from error
    height, width = size
    if gray.size != (width, height):
        gray = gray.resize((width, height), Image.Resampling.BILINEAR)  # averages when it shrinks
    return np.asarray(gray)


def _grayscale(picture: Image.Image) -> Image.Image:
    """Returns a picture in mode L."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.asarray(picture, np.float64)
        most = 1.0 if picture.mode == "F" and values.max(initial=0) <= 1 else 255.0
        most = 65535.0 if values.max(initial=0) > 255 or picture.mode.startswith("I;16") else most
        return Image.fromarray((values / most * 255).round().clip(0, 255).astype(np.uint8))
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
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
    rim = (images[:, [0, -1]], images[:, 1:-1, [0, -1]])
    return float(np.concatenate([pixels.ravel() for pixels in rim]).mean())


def empty_images(n: int, size: Sequence[int], cache: Path | None) -> np.ndarray:
    """Returns room for images: uint8 of shape (n, H, W).

    Args:
        n: Number of images.
        size: Height and width in pixels.
        cache: Where a file takes them if they need more than half of the free memory; None: the
            system's folder for temporary files. The file goes when the process ends.

    Raises:
        UserError: If the file has no room there.
    """
    shape = (n, *size)
    needed = int(np.prod(shape, dtype=np.int64))
    if needed <= os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2:
        return np.empty(shape, np.uint8)
    try:
        file = tempfile.TemporaryFile(dir=cache)
        os.posix_fallocate(file.fileno(), 0, needed)
    except OSError as error:
        folder = cache or tempfile.gettempdir()
        raise UserError(
            f"{needed / 1e9:.1f} GB of images have no room in memory, nor in {folder} "
            f"({error.strerror}): type data.cache=<a folder with that much space>."
        ) from error
    return np.memmap(file, np.uint8, "r+", shape=shape)
