"""The idx format of MNIST's family: a big-endian header, then values."""

import gzip
import math
from collections.abc import Collection, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fmclust.errors import UserError, reading

UBYTE = 8  # code of unsigned bytes, the type of all images
TYPES = {UBYTE: ">u1", 9: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

MAX_BYTES = 1 << 26  # bytes of a file of MNIST's family; the largest holds 47 million
MAX_RATIO = 100  # decompressed to compressed size of larger files; a bomb reaches 1000


def find_file(folder: Path, name: str) -> Path:
    """Return the path of `<name>.gz` if it exists, otherwise that of `<name>`."""
    compressed = folder / f"{name}.gz"
    return compressed if compressed.exists() else folder / name


def open_binary(path: Path) -> BufferedIOBase:
    """Open a file for reading, decompressed if its name ends in `.gz`."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def header_of(shape: Sequence[int]) -> bytes:
    """Return the header of an idx file with values of a shape."""
    return bytes([0, 0, UBYTE, len(shape)]) + np.array(shape, ">u4").tobytes()


def read_shape(file: BufferedIOBase, path: Path) -> tuple[int, ...]:
    """Read the header of an idx file of unsigned bytes; see `read_header`."""
    return read_header(file, path, types=[UBYTE])[0]


def read_header(
    file: BufferedIOBase, path: Path, *, types: Collection[int] = TYPES
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header of an idx file.

    Args:
        file: The open file, at its beginning; afterwards at its first value.
        path: Path of the file, for errors.
        types: The codes of the types that are accepted.

    Returns:
        The shape that the header states, which may have more values than the file, and the type.

    Raises:
        UserError: If it is not the header of an idx file of one of these types.
    """
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in types or magic[3] == 0:
        kind = "unsigned bytes" if [*types] == [UBYTE] else "numbers"
        raise UserError(f"{path} is not an idx file of {kind} (header {magic.hex()}).")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UserError(f"{path} ends within its header.")
    return tuple(int(n) for n in np.frombuffer(sizes, ">u4")), np.dtype(TYPES[magic[2]])


def read_values(
    file: BufferedIOBase, shape: Sequence[int], path: Path, dtype: DTypeLike = np.uint8
) -> NDArray[Any]:
    """Read as many values as an array of a shape has.

    Args:
        file: The open file, at the first value.
        shape: Shape of the array; the caller limits its size.
        path: Path of the file, for errors.
        dtype: Type of the values.

    Returns:
        Read-only array of that shape and type.

    Raises:
        UserError: If the file ends too early.
    """
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    raw = file.read(n_bytes)
    if len(raw) < n_bytes:
        promise = f"its header promises {n_bytes} more bytes but holds {len(raw)}"
        raise UserError(f"{path} ends before the last image or label: {promise}.")
    return np.frombuffer(raw, dtype).reshape(shape)


def read_idx(path: Path, *, types: Collection[int] = (UBYTE,)) -> NDArray[Any]:
    """Read a whole idx file, decompressed if its name ends in `.gz`.

    The size in the header is first compared with the size of the file, so that neither a
    decompression bomb nor a wrong header fills the memory.

    Args:
        path: Path of the file.
        types: The codes of the types that are accepted; images are unsigned bytes.

    Returns:
        Read-only array of the shape and the type that the header states.

    Raises:
        UserError: If the file is damaged, or not an idx file of one of these types.
    """
    with reading(path), open_binary(path) as file:
        (shape, dtype), size = read_header(file, path, types=types), path.stat().st_size
        n_bytes = math.prod(shape) * dtype.itemsize
        promise = f"{path} promises {n_bytes} bytes {shape}"
        if path.suffix == ".gz" and n_bytes > max(MAX_BYTES, MAX_RATIO * size):
            advice = "decompress it if you trust it"
            raise UserError(f"{promise}, more than {MAX_RATIO} times its size: {advice}.")
        if path.suffix != ".gz" and n_bytes > size:
            raise UserError(f"{promise} but holds {size}.")
        values = read_values(file, shape, path, dtype)
        if file.read(1):
            raise UserError(f"{promise} but holds more.")
        return values
