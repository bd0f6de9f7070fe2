"""Read picture files of any mode and size, as uint8 images of one size."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fmclust.data.forms import Form, has_colour
from fmclust.data.opening import CUT, TIFF, UnreadablePictureError, in_order, opened
from fmclust.data.opening import FORMATS as FORMATS
from fmclust.data.picture_files import PictureFile
from fmclust.data.scales import (
    FLOATS,
    INTEGERS,
    Scales,
    no_data_of,
    pixel_type,
    to_bytes,
    values_of,
    white_is_zero,
)


@dataclass(frozen=True)
class Picture:
    """A file that was read.

    Attributes:
        file: The file.
        image: uint8 array of shape (H, W) or (H, W, 3); None if it is unreadable.
        kind: The pixel type of the file.
        reason: Why it is unreadable, without the path.
        is_cut: Whether the end of the file is missing.
        has_colour: Whether colour was searched for and found, and the image does not show it.
    """

    file: PictureFile
    image: NDArray[np.uint8] | None = None
    kind: str = ""
    reason: str = ""
    is_cut: bool = False
    has_colour: bool = False


def read_in_order(
    files: Sequence[PictureFile], form: Form, scales: Scales
) -> Generator[Picture, None, None]:
    """Read pictures in threads, some of them in advance.

    The range of a pixel type is found when its first file is reached, so that 8-bit files are
    opened only once.

    Args:
        files: Any number of files.
        form: What every picture becomes.
        scales: The ranges of pixel types deeper than 8 bits; records what is read.

    Yields:
        Each file in order.
    """
    read_one = partial(_try, form, scales)
    for file, read in zip(files, in_order(read_one, files), strict=True):
        while isinstance(read, str):
            if read not in scales.ranges:
                scales.find(read, form.max_pixels)
            read = read_one(file)
        if read.image is not None:
            scales.note(read.kind, file)
        yield read


def with_pages(files: Sequence[PictureFile], max_pixels: int) -> list[PictureFile]:
    """Return the files with an entry for each page of a TIFF file that has several.

    Args:
        files: Any number of files.
        max_pixels: Maximum number of pixels of a picture; see `opening.opened`.
    """
    tiffs = [file for file in files if file.name.suffix.lower() in TIFF]
    n_pages = dict(zip(tiffs, in_order(partial(_n_pages, max_pixels), tiffs), strict=True))
    return [page for file in files for page in _pages(file, n_pages.get(file, 1))]


def _n_pages(max_pixels: int, file: PictureFile) -> int:
    """Return the number of pages of a file, with the first damaged one; 1 if it can't be read."""
    with suppress(UnreadablePictureError), opened(file, max_pixels) as picture:
        page = 0
        try:
            while True:
                picture.seek(page + 1)
                page += 1
        except EOFError:
            return page + 1
        except Exception:  # noqa: BLE001 - as in `opened`
            return page + 2  # the damaged page will be named as unreadable
    return 1


def _pages(file: PictureFile, n: int) -> list[PictureFile]:
    if n == 1:
        return [file]
    stem, suffix = file.name.stem, file.name.suffix
    numbers = [f"{page + 1:0{len(str(n))}}" for page in range(n)]  # names sort as the pages do
    names = [file.name.with_name(f"{stem}[{number}]{suffix}") for number in numbers]
    return [replace(file, name=name, page=page) for page, name in enumerate(names)]


def _try(form: Form, scales: Scales, file: PictureFile) -> Picture | str:
    """Read a picture, or return its pixel type if the range of that type is not known yet."""
    try:
        return _read(file, form, scales)
    except UnreadablePictureError as error:
        return Picture(file, reason=error.reason)


def _read(file: PictureFile, form: Form, scales: Scales) -> Picture | str:
    """Read a picture; see `_try`."""
    is_coloured = False
    with opened(file, form.max_pixels, form.size) as picture:
        kind, no_data = pixel_type(picture), no_data_of(picture)
        limits = scales.ranges.get(kind)
        if kind not in (INTEGERS, FLOATS):
            _turn_upright(picture)
            mode, opaque = picture.mode, form.opaque(picture)
            is_coloured = form.color == "auto" and has_colour(opaque)
            converted = form.converted(opaque)
            if no_data is not None and mode == "L":
                of_channel = [0 if value == no_data else value for value in range(256)]
                converted = converted.point(of_channel * len(converted.getbands()))
        elif limits is not None:
            _turn_upright(picture)
            values = values_of(picture, no_data)
            if np.isnan(values).all():
                raise UnreadablePictureError(file.name, "no pixel has a value")
            if white_is_zero(picture):
                values = sum(limits) - values
            converted = form.converted(Image.fromarray(to_bytes(values, limits)))
        else:
            return kind
    is_cut = bool(picture.info.get(CUT))
    return Picture(file, form.fitted(converted), kind, is_cut=is_cut, has_colour=is_coloured)


def _turn_upright(picture: Image.Image) -> None:
    """Rotate a picture as its EXIF block says, unless the block is damaged."""
    picture.load()
    with suppress(Exception):  # Pillow raises nearly any type
        ImageOps.exif_transpose(picture, in_place=True)


def border_brightness(images: NDArray[np.uint8]) -> float:
    """Return the mean of the outermost pixels of uint8 images of shape (N, C, H, W): 0 to 255."""
    inner = images[..., 1:-1, 1:-1]
    total = images.sum(dtype=np.int64) - inner.sum(dtype=np.int64)
    return float(total / (images.size - inner.size))
