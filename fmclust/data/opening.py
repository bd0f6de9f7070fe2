"""Open picture files with Pillow within limits, and name why a file can't be read."""

import re
import threading
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image, UnidentifiedImageError

from fmclust.errors import UserError, one_line

MAX_AHEAD = 256  # pictures that are decoded before the caller takes them
# The formats to read. Pillow's other formats are rare; EPS would run Ghostscript, and ICO is
# decoded before its size is known.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
MAX_PIXELS = 1 << 26  # of a picture, against decompression bombs
MAX_PARALLEL_PIXELS = 1 << 23  # larger pictures are decoded one at a time, to bound the memory
SHOWN_REASONS = 3  # the most frequent ones
_one_at_a_time = threading.Lock()
Result = TypeVar("Result")


class UnreadablePictureError(UserError):
    """A file can't be read as a picture.

    Attributes:
        reason: Why, without the path of the file, so that equal reasons can be counted.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a readable picture: {reason}")
        self.reason = reason


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; it is decoded when the block first uses its pixels.

    Args:
        path: A file in one of `FORMATS`.

    Raises:
        UnreadablePictureError: If the file is not a picture, or is truncated or too large; also
            if this only shows when the block decodes it.
    """
    try:
        with Image.open(path, formats=_formats()) as picture:
            n_pixels = picture.width * picture.height
            if n_pixels > MAX_PIXELS:
                raise ValueError(f"{picture.width}x{picture.height} pixels are too many")
            with _one_at_a_time if n_pixels > MAX_PARALLEL_PIXELS else nullcontext():
                yield picture
    except UserError:
        raise
    except Exception as error:  # Pillow raises nearly any type for damaged or hostile files
        raise UnreadablePictureError(path, reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Return why a file or folder can't be read, without its path."""
    if isinstance(error, UnidentifiedImageError):
        return "cannot identify image file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error) or type(error).__name__


def frequent_reasons(reasons: Iterable[str]) -> str:
    """Return the most frequent reasons with their counts; digits in them are ignored."""
    counts = Counter(re.sub(r"\d+", "…", reason) for reason in reasons)
    shown = [f"{reason} ({n:,})" for reason, n in counts.most_common(SHOWN_REASONS)]
    n_more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {n_more} more reasons" if n_more else "")


def printable(name: str | Path) -> str:
    """Return a file name in valid UTF-8; a file system allows any bytes."""
    return str(name).encode(errors="replace").decode()


def first_of(names: Sequence[str]) -> str:
    """Return the first three names, and the number of the others."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{', '.join(map(printable, names[:3]))}{more}"


def in_order(function: Callable[[Path], Result], paths: Iterable[Path]) -> Iterator[Result]:
    """Yield `function(path)` of each path in order, computed in threads `MAX_AHEAD` in advance."""
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, warnings.catch_warnings():
        # Pillow warns about pictures that MAX_PIXELS refuses.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for path in paths:
            pending.append(pool.submit(function, path))
            if len(pending) == MAX_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@cache
def _formats() -> list[str]:
    """Return the members of `FORMATS` that the installed Pillow reads."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]
