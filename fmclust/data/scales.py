"""Scale pixels to 8 bits by one range for each pixel type of a data set, not for each file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmclust.data.opening import in_order, opened, printable
from fmclust.data.picture_files import PictureFile
from fmclust.errors import UserError

BYTES, INTEGERS, FLOATS = "8-bit", "integer", "float"  # pixel types
CHANNELS = "16-bit channels"  # more than one channel; Pillow keeps the upper 8 bits
# Tags of TIFF files. GDAL_NODATA: the value of pixels without data, as text.
BITS, PHOTOMETRIC, SAMPLE_FORMAT, NO_DATA = 258, 262, 339, 42113
WHITE_IS_ZERO, UNSIGNED, SIGNED = 0, 1, 2  # values of these tags
CLIPPING_TOLERANCE = 0.01  # share of a range by which values may exceed it
NARROW = 1 / 4  # of the common range; a file that fills less has another depth or offset

Range = tuple[float, float]  # the values that become 0 and 255


def pixel_type(picture: Image.Image) -> str:
    """Return the pixel type of a picture that is not decoded yet.

    Raises:
        ValueError: If Pillow would read the values wrongly.
    """
    if _tag(picture, BITS) == 8 and _tag(picture, SAMPLE_FORMAT) == SIGNED:
        raise ValueError("signed 8-bit pixels: save them as 16-bit integers")
    if picture.mode == "F":
        return FLOATS
    if picture.mode.startswith("I"):
        return INTEGERS
    tiles = getattr(picture, "tile", [])
    return CHANNELS if any(";16" in str(tile[-1]) for tile in tiles) else BYTES


def _tag(picture: Image.Image, number: int) -> Any:
    """Return the value of a tag of a TIFF file, the first of several; None without it."""
    value = getattr(picture, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value


def white_is_zero(picture: Image.Image) -> bool:
    """Return whether low values are light, which Pillow regards in 8-bit pictures alone."""
    return bool(_tag(picture, PHOTOMETRIC) == WHITE_IS_ZERO)


def no_data_of(picture: Image.Image) -> float | None:
    """Return the value of pixels without data that a TIFF file declares, if it does."""
    text = _tag(picture, NO_DATA)
    try:
        value = None if text is None else float(str(text).strip("\0 "))
    except ValueError:
        return None
    # Rounded as the pixels are.
    return float(np.float32(value)) if value is not None and picture.mode == "F" else value


def values_of(picture: Image.Image, no_data: float | None) -> NDArray[np.float64]:
    """Return the pixels of a picture; those without a value are NaN.

    Args:
        picture: A picture of one channel.
        no_data: The value of pixels without data; None if there are none.

    Returns:
        float64 array of shape (H, W).
    """
    pixels = np.asarray(picture)
    is_tiff = hasattr(picture, "tag_v2")
    if pixels.dtype == np.int32 and is_tiff and _tag(picture, SAMPLE_FORMAT) in (None, UNSIGNED):
        pixels = pixels.view(np.uint32)  # Pillow has no such mode
    values = pixels.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    if no_data is not None:
        values[values == no_data] = np.nan
    return values


def to_bytes(values: NDArray[np.float64], limits: Range) -> NDArray[np.uint8]:
    """Scale values of a range to 0 to 255.

    Args:
        values: float64 array; NaN becomes 0.
        limits: The values that become 0 and 255.

    Returns:
        uint8 array of the same shape.
    """
    low, high = limits
    span = high - low if high > low else 1.0
    scaled: NDArray[np.float64] = np.rint((values - low) / span * 255).clip(0, 255)
    return np.nan_to_num(scaled, nan=0.0).astype(np.uint8)


@dataclass
class Scales:
    """The range of each pixel type other than 8-bit, known or found over many files.

    Attributes:
        ranges: Pixel type to its range.
        files: The files over which a range that is not known is found.
        seen: Pixel type to the number of files read, and the name of the first of them.
        found: Pixel type whose range was found, to the range of each file of that type, by name.
    """

    ranges: dict[str, Range] = field(default_factory=dict)
    files: Sequence[PictureFile] = ()
    seen: dict[str, tuple[int, PurePath]] = field(default_factory=dict)
    found: dict[str, dict[PurePath, Range]] = field(default_factory=dict)

    @classmethod
    def of(cls, limits: Range | None) -> "Scales":
        """Return scales with one known range for integers and floats, or with none for None."""
        return cls({} if limits is None else dict.fromkeys((INTEGERS, FLOATS), limits))

    def note(self, kind: str, file: PictureFile) -> None:
        """Note that a file of a pixel type was read."""
        n, first = self.seen.get(kind, (0, file.name))
        self.seen[kind] = n + 1, min(first, file.name)

    def find(self, kind: str, max_pixels: int) -> None:
        """Find the range of a pixel type: the minimum and the maximum over all its files.

        Outliers are not cut off, since rare values may matter: small bright spots on a dark
        background, for example.

        Args:
            kind: The pixel type.
            max_pixels: Maximum number of pixels of a picture; see `opening.opened`.
        """
        measure = partial(_range_in, kind, max_pixels)
        measured = zip(self.files, in_order(measure, self.files), strict=True)
        of_files = {file.name: limits for file, limits in measured if limits is not None}
        low = min((low for low, _ in of_files.values()), default=0.0)
        high = max((high for _, high in of_files.values()), default=1.0)
        self.ranges[kind], self.found[kind] = (low, high), of_files

    def used(self) -> dict[str, Range]:
        """Return the ranges of the pixel types other than 8-bit that were read."""
        return {kind: limits for kind, limits in self.ranges.items() if kind in self.seen}

    def advice(self) -> str:
        """Return how to set the ranges, the end of a warning; empty if none was found."""
        if not (self.found and self.used()):
            return ""
        lows, highs = zip(*self.used().values(), strict=True)
        low, high = min(lows), max(highs)
        high = high if high > low else low + 1
        return f"; to set the range of deeper pixels, type 'data.scale=[{low:g},{high:g}]'"

    def warnings(self, cure: str = "") -> list[str]:
        """Return sentences about files of different depths or ranges, with examples.

        Args:
            cure: What to do about them; the end of a sentence.
        """
        sentences = []
        if len(self.seen) > 1:
            parts = [
                f"{n:,} {kind} by {span_text(self.ranges.get(kind, (0, 255)))} (such as "
                f"{printable(first)})"
                for kind, (n, first) in sorted(self.seen.items())
            ]
            types = ", ".join(parts)
            sentences.append(f"the pictures have several pixel types, each scaled alone: {types}")
        sentences += [_narrow(kind, self.found[kind]) for kind in sorted(self.found)]
        sentences = [f"{sentence}{cure}" for sentence in sentences if sentence]
        if CHANNELS in self.seen:
            n, first = self.seen[CHANNELS]
            sentences.append(
                f"files of several 16-bit channels, read by their upper 8 bits: {n:,}, such as "
                f"{printable(first)}: if they are too dark, save them with 8 bits"
            )
        return sentences


def _narrow(kind: str, found: Mapping[PurePath, Range]) -> str:
    """Return a warning about files much narrower than the common range; empty without any."""
    spans = {path: high - low for path, (low, high) in found.items()}
    lows, highs = zip(*found.values(), strict=True) if found else ((0.0,), (0.0,))
    n_narrow = sum(span < NARROW * (max(highs) - min(lows)) for span in spans.values())
    if not n_narrow:
        return ""
    examples = [
        f"{printable(path)} ({span_text(found[path])})"
        for path in (min(spans, key=spans.__getitem__), max(spans, key=spans.__getitem__))
    ]
    share = f"{n_narrow:,} of {len(spans):,} {kind} files"
    return f"{share} fill less than a quarter of the common range: {' beside '.join(examples)}"


def span_text(limits: Range) -> str:
    """Return a range as text."""
    return " to ".join(f"{value:g}" if value % 1 else f"{value:.0f}" for value in limits)


def unseen(kind: str, limits: Range) -> str:
    """Return a warning about a pixel type that a run has not seen, and the range used for it."""
    return (
        f"the run has seen no {kind} pixels: they are scaled by {span_text(limits)}, the range of "
        "all such files of the input"
    )


def clipped(found: Range, limits: Range) -> list[str]:
    """Return a warning if values clearly exceed the range that they are scaled by.

    Args:
        found: The minimum and the maximum of the values.
        limits: The values that become 0 and 255.
    """
    tolerance = CLIPPING_TOLERANCE * (limits[1] - limits[0])
    if limits[0] - tolerance <= found[0] and found[1] <= limits[1] + tolerance:
        return []
    return [
        f"the pixels are from {span_text(found)}, and the run has seen {span_text(limits)}: values "
        "outside are clipped"
    ]


def valid_range(key: str, value: object) -> Range:
    """Return a range that was typed or saved.

    Args:
        key: Name of the option, for the error message.
        value: Two numbers, the smaller one first.

    Raises:
        UserError: If it is not a range.
    """
    numbers = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    valid = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(valid) == len(numbers) == 2:
        low, high = map(float, valid)
        if np.isfinite(high - low) and low < high:
            return low, high
    raise UserError(
        f"{key}={value} is not a range: type '{key}=[0,4095]', for example, or {key}=null."
    )


def known_ranges(saved: Mapping[str, object]) -> dict[str, Range]:
    """Return the ranges that a run has saved; raise UserError as `valid_range` does.

    A range of one value, from pixels that are all equal, is widened by one: they become 0.
    """
    return {str(kind): valid_range("data.scale", _widened(saved[kind])) for kind in saved}


def _widened(limits: object) -> object:
    match limits:
        case [int() | float() as low, int() | float() as high] if low == high:
            return [low, low + 1]
    return limits


def _range_in(kind: str, max_pixels: int, file: PictureFile) -> Range | None:
    """Return the range of a file; None if it is of another type, unreadable or without values."""
    try:
        with opened(file, max_pixels) as picture:
            if pixel_type(picture) != kind:
                return None
            values = values_of(picture, no_data_of(picture))
    except UserError:
        return None
    known = values[~np.isnan(values)]
    return (float(known.min()), float(known.max())) if known.size else None
