"""Images to be assigned, as batches of one size: from a folder, a picture, .npy or idx file."""

import gzip
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from fmclust.data.idx import idx_shape
from fmclust.data.pictures import Unreadable, pictures_below, read_in_order, resized
from fmclust.errors import UserError, one_line, reading

IDX_IMAGES = bytes([0, 0, 8, 3])  # how idx files of images of unsigned bytes begin
AT_ONCE = 1 << 26  # bytes read at once, and the most pixels of an image


@dataclass
class Batch:
    """Some images of an input, in its order.

    Attributes:
        names: A name for each: its path in the folder, or its number in the file.
        images: uint8 array of shape (n, H, W): of those that are readable.
        reasons: Row in `names` to why it gave no image.
    """

    names: Sequence[str]
    images: np.ndarray
    reasons: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Input:
    """What is to be assigned.

    Attributes:
        count: Number of images.
        batches: They themselves, read as they are asked for.
    """

    count: int
    batches: Iterator[Batch]


def open_input(path: Path, size: Sequence[int], batch_size: int) -> Input:
    """Opens an input, whatever it is.

    Args:
        path: A folder (searched with all below it), a picture, a .npy file of uint8 images, or an
            idx file, plain or .gz.
        size: Height and width in pixels that all images get.
        batch_size: Images of a batch.

    Raises:
        UserError: If there is nothing to read, or the file's header makes no sense.
    """
    if path.is_dir():
        paths = pictures_below(path)
        if not paths:
            raise UserError(f"input={path} holds no file: type input=<a folder of pictures>.")
        return Input(len(paths), _pictures(paths, path, size, batch_size))
    if not path.exists():
        raise UserError(f"input={path} does not exist: type input=<a folder or file>.")
    if path.suffix == ".npy":
        file, shape = _open_npy(path)
    elif path.suffix == ".gz" or _first_bytes(path) == IDX_IMAGES:
        file, shape = _open_idx(path)
    else:
        return Input(1, _pictures([path], path.parent, size, batch_size))
    if not 0 < math.prod(shape[1:]) <= AT_ONCE:
        raise UserError(
            f"{path} promises images of {shape[1]}x{shape[2]} pixels, which can't be: "
            "type input=<a file that is whole>."
        )
    return Input(shape[0], _rows(file, shape, size, batch_size, path))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(IDX_IMAGES))


def _pictures(
    paths: Iterable[Path], folder: Path, size: Sequence[int], batch_size: int
) -> Iterator[Batch]:
    reading = read_in_order(paths, size)
    while some := list(islice(reading, batch_size)):
        names = [path.relative_to(folder).as_posix() for path, _ in some]
        images = [image for _, image in some if not isinstance(image, Unreadable)]
        reasons = {n: one.reason for n, (_, one) in enumerate(some) if isinstance(one, Unreadable)}
        yield Batch(names, np.array(images, np.uint8).reshape(-1, *size), reasons)


def _open_npy(path: Path) -> tuple[IO[bytes], tuple[int, ...]]:
    file = path.open("rb")
    with reading(path):
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    if dtype != np.uint8 or fortran or len(shape) not in (3, 4) or min(shape) < 0:
        raise UserError(
            f"{path} holds {dtype} of shape {shape}: save uint8, 0 to 255, of shape (N, H, W), in "
            "C order."
        )
    if len(shape) == 4:  # one channel, before or behind, leaves the bytes as they are
        if 1 not in (shape[1], shape[3]):
            raise UserError(f"{path} holds shape {shape}: save gray images, of shape (N, H, W).")
        shape = shape[:1] + (shape[2:] if shape[1] == 1 else shape[1:3])
    return file, shape


def _open_idx(path: Path) -> tuple[IO[bytes], tuple[int, ...]]:
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    file: IO[bytes] = io.BufferedReader(opened)  # type: ignore[arg-type]
    try:
        shape = idx_shape(file, str(path))
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} can't be read: {one_line(error)}") from error
    if len(shape) != 3:
        raise UserError(f"{path} has shape {shape}, expected images: (N, H, W).")
    return file, shape


def _rows(
    file: IO[bytes], shape: tuple[int, ...], size: Sequence[int], batch_size: int, path: Path
) -> Iterator[Batch]:
    """Yields images that lie one behind the other in a file; no more than a batch is read."""
    n, height, width = shape
    with file:
        for start in range(0, n, batch_size):
            count = min(batch_size, n - start)
            at_once = max(1, AT_ONCE // (height * width))
            pieces = [
                _resized(_read(file, (min(at_once, count - row), height, width), path), size)
                for row in range(0, count, at_once)
            ]
            yield Batch([str(start + row) for row in range(count)], np.concatenate(pieces))


def _read(file: IO[bytes], shape: tuple[int, int, int], path: Path) -> np.ndarray:
    try:
        raw = file.read(math.prod(shape))
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} is damaged: {one_line(error)}") from error
    if len(raw) < math.prod(shape):
        raise UserError(f"{path} ends before the last image that its header promises.")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _resized(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    if images.shape[1:] == tuple(size):
        return images
    return np.stack([resized(Image.fromarray(image), size) for image in images])
