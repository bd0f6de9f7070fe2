"""Open picture files with Pillow within limits, and name why a file can't be read."""

import io
import re
import threading
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import PurePath
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from fmclust.data.picture_files import PictureFile
from fmclust.errors import UserError, missing_extra, one_line

MAX_AHEAD = 256  # pictures that are decoded before the caller takes them
CHUNK = 8  # pictures that a thread decodes one after the other
# The formats to read. Pillow's other formats are rare; EPS would run Ghostscript, and ICO is
# decoded before its size is known.
FORMATS = (
    *("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP"),
)
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")  # bytes 8 to 11 of a file
MAX_PIXELS = 1 << 26  # of a picture, against decompression bombs
JPEG = ("JPEG", "MPO")
TIFF = (".tif", ".tiff")  # ends of names
MAX_REDUCTION = 8  # factor by which a JPEG decoder can divide the sides
MIN_OVERSAMPLING = 1.5  # sides of a decoded JPEG file, as multiples of those that it is resized to
END_OF_IMAGE = b"\xff\xd9"  # of JPEG
MAX_CUT = 1 / 2  # share of the rows that may be missing at the end of a JPEG file
CUT = "cut"  # key of `Image.info`: the end of the file is missing
MAX_PARALLEL_PIXELS = 1 << 26  # of all pictures that are decoded at a time, to bound the memory
SHOWN_REASONS = 3  # the most frequent ones
Result = TypeVar("Result")


class UnreadablePictureError(UserError):
    """A file can't be read as a picture.

    Attributes:
        reason: Why, without the path of the file, so that equal reasons can be counted.
    """

    def __init__(self, path: PurePath, reason: str) -> None:
        super().__init__(f"{path} is not a readable picture: {reason}")
        self.reason = reason


class PixelBudget:
    """Bound the number of pixels that threads decode at a time.

    Args:
        total: Maximum number of pixels; a larger picture is decoded alone.
    """

    def __init__(self, total: int) -> None:
        self.total = self.free = total
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, n_pixels: int) -> Iterator[None]:
        """Wait until there is room for a picture, and hold it during the block."""
        n = min(n_pixels, self.total)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= n)
            self.free -= n
        try:
            yield
        finally:
            with self._changed:
                self.free += n
                self._changed.notify_all()


_decoded = PixelBudget(MAX_PARALLEL_PIXELS)


@contextmanager
def opened(
    file: PictureFile, max_pixels: int = MAX_PIXELS, size: Sequence[int] | None = None
) -> Iterator[Image.Image]:
    """Open a picture; it is decoded when the block first uses its pixels.

    A JPEG file whose end is missing is read as far as it goes, and `CUT` is set in its `info`.

    Args:
        file: A file in one of `FORMATS`.
        max_pixels: Maximum number of pixels; a JPEG file with more is decoded at a reduced size.
        size: Height and width in pixels to which the picture will be resized. JPEG files that are
            much larger are decoded at a reduced size, which takes less time and memory.

    Raises:
        UnreadablePictureError: If the file is not a picture, or is truncated or too large; also
            if this only shows when the block decodes it.
    """
    try:
        with _identified(file) as picture:
            picture.seek(file.page)
            _reduce(picture, max_pixels, size)
            with _decoded.taking(picture.width * picture.height):
                is_jpeg = picture.format in JPEG
                yield _completed(picture, file, max_pixels, size) if is_jpeg else picture
    except UserError:
        raise
    except Exception as error:  # Pillow raises nearly any type for damaged or hostile files
        reason = reason_of(error)
        if isinstance(error, UnidentifiedImageError) and _is_heic(file):
            reason = missing_extra("HEIC", "heic")
        elif isinstance(error, UnidentifiedImageError) and file.name.suffix.lower() in TIFF:
            reason += "; of TIFF files, those of 64-bit pixels are not read: save 32-bit floats"
        raise UnreadablePictureError(file.path / file.member, reason) from error


def _identified(file: PictureFile) -> Image.Image:
    """Open a picture without decoding it; Pillow's own limit does not hold for JPEG files."""
    try:
        return Image.open(file.open(), formats=_formats())
    except Image.DecompressionBombError:
        with suppress(SyntaxError):  # of another format
            return JpegImageFile(file.open())  # `_reduce` bounds what is decoded
        raise


def _reduce(picture: Image.Image, max_pixels: int, size: Sequence[int] | None) -> None:
    """Let a large JPEG file be decoded at a smaller size; refuse other large files."""
    width, height = picture.size
    shorter, n_pixels = min(width, height), width * height
    enough = shorter if size is None else MIN_OVERSAMPLING * max(size)  # it may be rotated later
    factor = 1
    while factor < MAX_REDUCTION and (
        n_pixels > max_pixels * factor**2 or shorter >= 2 * factor * enough
    ):
        factor *= 2
    if factor > 1 and picture.format in JPEG:
        picture.draft(None, (width // factor, height // factor))
    if picture.width * picture.height > max_pixels:
        raise ValueError(f"{width}x{height} pixels are more than data.max_pixels={max_pixels}")


def _completed(
    picture: Image.Image, file: PictureFile, max_pixels: int, size: Sequence[int] | None
) -> Image.Image:
    """Decode a JPEG file, or as much as there is of it if its end is missing."""
    try:
        picture.load()
        return picture
    except OSError:
        cut = Image.open(io.BytesIO(file.read() + END_OF_IMAGE), formats=JPEG)
        _reduce(cut, max_pixels, size)
        cut.load()
        rows = np.asarray(cut.convert("L"))
        known = np.flatnonzero(np.ptp(rows, axis=1))  # missing rows have one value
        if len(rows) - int(known.max(initial=-1)) > MAX_CUT * len(rows):
            raise
        cut.info[CUT] = True
        return cut


def _is_heic(file: PictureFile) -> bool:
    head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS


def reason_of(error: Exception) -> str:
    """Return why a file or folder can't be read, without its path."""
    if isinstance(error, UnidentifiedImageError):
        return "cannot identify image file"
    if isinstance(error, Image.DecompressionBombError):
        return f"{one_line(error).partition(', could be')[0]}, the limit for all formats but JPEG"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error) or type(error).__name__


def frequent_reasons(reasons: Iterable[str]) -> str:
    """Return the most frequent reasons with their counts; digits in them are ignored."""
    counts = Counter(re.sub(r"\d+", "…", reason) for reason in reasons)
    shown = [f"{reason} ({n:,})" for reason, n in counts.most_common(SHOWN_REASONS)]
    n_more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {n_more} more reasons" if n_more else "")


def printable(name: str | PurePath) -> str:
    r"""Return a file name in valid UTF-8; bytes that are not are written as in `\udc83`."""
    return str(name).encode(errors="backslashreplace").decode()


def first_of(names: Sequence[str]) -> str:
    """Return the first three names, and the number of the others."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{', '.join(map(printable, names[:3]))}{more}"


def warnings_about_cut(names: Sequence[str]) -> list[str]:
    """Return a warning about JPEG files whose end is missing, if there are any."""
    if not names:
        return []
    return [
        f"JPEG files without their end, read as far as they go: {len(names):,}, {first_of(names)}"
    ]


def in_order(
    function: Callable[[PictureFile], Result], files: Iterable[PictureFile]
) -> Iterator[Result]:
    """Yield `function(file)` of each file in order, computed in threads `MAX_AHEAD` in advance."""
    remaining, pending = iter(files), deque[Future[list[Result]]]()
    # A task is several files, since threads contend for Python's lock when a task ends.
    chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, warnings.catch_warnings():
        # Pillow warns about pictures that MAX_PIXELS refuses.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            for chunk in chunks:
                pending.append(pool.submit(lambda files: [*map(function, files)], chunk))
                if len(pending) == MAX_AHEAD // CHUNK:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)  # if the caller needs no more


@cache
def _formats() -> list[str]:
    """Return the members of `FORMATS` that the installed Pillow reads."""
    Image.init()
    with suppress(ImportError):
        from pillow_heif import register_heif_opener  # of the extra heic

        register_heif_opener()
    return [name for name in FORMATS if name in Image.OPEN]
