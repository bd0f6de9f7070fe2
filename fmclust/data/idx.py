"""The idx format of MNIST's family: a big-endian header, then values."""

import gzip
import math
from collections.abc import Collection, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmclust.errors import UserError, reading

UBYTE = 8  # code of unsigned bytes, the type of all images
TYPES = {UBYTE: ">u1", 9: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

MAX_BYTES = 1 << 26  # bytes of a file of MNIST's family; the largest holds 47 million
MAX_RATIO = 100  # decompressed to compressed size of larger files; a bomb reaches 1000


def find_file(folder: Path, name: str) -> Path:
    """Return the path of `<name>.gz` if it exists, otherwise that of `<name>`."""
    compressed = folder / f"{name}.gz"
    return compressed if compressed.exists() else folder / name


def header_of(shape: Sequence[int]) -> bytes:
    """Return the header of an idx file with values of a shape."""
    return bytes([0, 0, UBYTE, len(shape)]) + np.array(shape, ">u4").tobytes()


def read_idx(path: Path, *, types: Collection[int] = (UBYTE,)) -> NDArray[Any]:
    """Read an idx file: map it into memory, or decompress it if its name ends in `.gz`.

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
    is_compressed, size = path.suffix == ".gz", path.stat().st_size if path.exists() else 0
    with reading(path), gzip.open(path) if is_compressed else path.open("rb") as file:
        shape, dtype = _read_header(file, path, types)
        n_bytes = math.prod(shape) * dtype.itemsize
        promise = f"{path} promises {n_bytes} bytes {shape}"
        if is_compressed and n_bytes > max(MAX_BYTES, MAX_RATIO * size):
            advice = "decompress it if you trust it"
            raise UserError(f"{promise}, more than {MAX_RATIO} times its size: {advice}.")
        raw = file.read(n_bytes + 1) if is_compressed else b""
        held = len(raw) if is_compressed else size - file.tell()
        if held != n_bytes:
            raise UserError(f"{promise} but holds {'more' if held > n_bytes else held}.")
        if is_compressed or not n_bytes:  # no bytes can't be mapped
            return np.frombuffer(raw, dtype).reshape(shape)
        return np.memmap(path, dtype, "r", offset=file.tell(), shape=shape)


def _read_header(
    file: BufferedIOBase, path: Path, types: Collection[int]
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type that the header of an idx file states."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in types or magic[3] == 0:
        kind = "unsigned bytes" if [*types] == [UBYTE] else "numbers"
        raise UserError(f"{path} is not an idx file of {kind} (header {magic.hex()}).")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UserError(f"{path} ends within its header.")
    return tuple(int(n) for n in np.frombuffer(sizes, ">u4")), np.dtype(TYPES[magic[2]])
