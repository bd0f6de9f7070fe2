"""Decode many pictures into one array of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from fmclust.data.forms import Form, channels_first
from fmclust.data.memory import empty_images
from fmclust.data.picture_files import PictureFile
from fmclust.data.pictures import read_in_order
from fmclust.data.scales import Scales
from fmclust.terminal import console

Allocate = Callable[[int, Sequence[int]], NDArray[np.uint8]]


@dataclass
class Decoded:
    """Pictures that were decoded.

    Attributes:
        images: uint8 array of shape (N, C, H, W), the readable ones.
        files: Their files.
        unreadable: Each other file to the reason.
        cut: The files whose end is missing.
        scales: The ranges of pixel types deeper than 8 bits.
    """

    images: NDArray[np.uint8]
    scales: Scales
    files: list[PictureFile] = field(default_factory=list)
    unreadable: dict[PictureFile, str] = field(default_factory=dict)
    cut: list[PictureFile] = field(default_factory=list)


def decode(
    files: Sequence[PictureFile],
    form: Form,
    scales: Scales,
    *,
    title: str,
    allocate: Allocate = empty_images,
) -> Decoded:
    """Decode pictures into one array, in memory or in a memory-mapped file.

    If the form's `color` is `auto`, the images are gray unless a picture has colour.

    Args:
        files: The pictures.
        form: What every picture becomes.
        scales: The known ranges of pixel types deeper than 8 bits.
        title: Text beside the bar of progress.
        allocate: Returns an array for a number of images and their shape.
    """
    with Progress(console=console()) as progress:
        task = progress.add_task(title, total=len(files))
        advance = partial(progress.advance, task)
        made = _decoded(files, form, scales, allocate, advance)
        if made is None:
            progress.reset(task)
            form = replace(form, color="rgb")
            made = _decoded(files, form, scales, allocate, advance)
    assert made is not None  # colour is searched for only once
    return made


def _decoded(
    files: Sequence[PictureFile],
    form: Form,
    scales: Scales,
    allocate: Allocate,
    advance: Callable[[], None],
) -> Decoded | None:
    """Decode pictures, or return None if one has colour and the form's `color` is `auto`."""
    scales = Scales(dict(scales.ranges), files, found=dict(scales.found))
    made = Decoded(allocate(len(files), form.shape), scales)
    pictures = read_in_order(files, form, scales)
    for picture in pictures:
        if picture.has_colour:
            pictures.close()
            return None
        if picture.image is None:
            made.unreadable[picture.file] = picture.reason
        else:
            made.images[len(made.files)] = channels_first(picture.image[None])[0]
            made.files.append(picture.file)
            made.cut += [picture.file] * picture.is_cut
        advance()
    made.images = made.images[: len(made.files)]
    return made
