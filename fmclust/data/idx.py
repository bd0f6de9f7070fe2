"""The idx format of MNIST's family: a big-endian header, then unsigned bytes."""

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from fmclust.errors import UserError, reading

_UNSIGNED_BYTES = 0x08
MAX_BYTES = 1 << 26  # bytes of a file of MNIST's family, whose largest has 47 million
PIECE = 1 << 24  # bytes read at once
FOLDED = 100  # how many times its size a large file may unfold to; a bomb does a thousand times


def read_bytes(path: Path) -> bytes:
    """Reads a file, decompressed if its name ends in `.gz`.

    Raises:
        UserError: If the compressed data is damaged, or more than any file of MNIST's family.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise OSError(f"it holds more than {MAX_BYTES} bytes")
        return raw
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} can't be read: {error}. Delete it and fetch it again.") from error


def read_idx(path: Path) -> np.ndarray:
    """Reads a file of anyone's, decompressed if its name ends in `.gz`.

    No more is read than the header promises, nor taken in memory than is there: neither a
    compressed bomb nor a lying header fills it.

    Returns:
        uint8 array of the shape that the header names.

    Raises:
        UserError: If the file is damaged, or no idx file of unsigned bytes.
    """
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    with reading(path), opened as file:
        shape = idx_shape(cast(IO[bytes], file), str(path))
        promised = math.prod(shape)
        if path.suffix == ".gz" and promised > max(MAX_BYTES, FOLDED * path.stat().st_size):
            raise UserError(
                f"{path} promises {promised} bytes, more than {FOLDED} times its size: "
                "decompress it if it is your own."
            )
        left, pieces = promised + 1, []
        while left and (piece := file.read(min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
    if left != 1:
        held = "more" if not left else f"{promised + 1 - left}"
        raise UserError(f"{path} promises {promised} bytes {shape} but holds {held}.")
    return np.frombuffer(b"".join(pieces), np.uint8).reshape(shape)


def parse_idx(raw: bytes, name: str) -> np.ndarray:
    """Parses idx bytes.

    Args:
        raw: The decompressed file.
        name: What to call it in an error.

    Returns:
        uint8 array of the shape that the header names.

    Raises:
        UserError: If the header is not that of unsigned bytes, or promises another size than
            the file has.
    """
    shape = idx_shape(io.BytesIO(raw), name)
    start = 4 + 4 * len(shape)
    if math.prod(shape) != len(raw) - start:
        raise UserError(
            f"{name} promises {math.prod(shape)} bytes {shape} but holds {len(raw) - start}."
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def idx_shape(file: IO[bytes], name: str) -> tuple[int, ...]:
    """Reads the header of an idx file, which ends where the bytes begin.

    Args:
        file: At its beginning.
        name: What to call it in an error.

    Raises:
        UserError: If the header is not that of unsigned bytes.
    """
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTES or magic[3] == 0:
        raise UserError(f"{name} is not an idx file of unsigned bytes (header {magic.hex()}).")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise UserError(f"{name} ends within its header.")
    return tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
