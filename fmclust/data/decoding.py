"""Decode many pictures into one array of images."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from fmclust.data.forms import Form, channels_first
from fmclust.data.memory import empty_images
from fmclust.data.picture_files import PictureFile
from fmclust.data.pictures import read_in_order
from fmclust.data.scales import Scales
from fmclust.terminal import console


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
    cache: Path | None = None,
) -> Decoded:
    """Decode pictures into one array, in memory or in a memory-mapped file.

    If the form's `color` is `auto`, the images are gray unless a picture has colour.

    Args:
        files: The pictures.
        form: What every picture becomes.
        scales: The known ranges of pixel types deeper than 8 bits.
        title: Text beside the bar of progress.
        cache: Folder for a file of the images; see `empty_images`.
    """
    scales = Scales(dict(scales.ranges), files, found=dict(scales.found))
    made = Decoded(empty_images(len(files), form.shape, cache), scales)
    pictures = read_in_order(files, form, scales)
    for picture in track(pictures, title, total=len(files), console=console()):
        if picture.has_colour:
            pictures.close()
            return decode(files, replace(form, color="rgb"), scales, title=title, cache=cache)
        if picture.image is None:
            made.unreadable[picture.file] = picture.reason
        else:
            made.images[len(made.files)] = channels_first(picture.image[None])[0]
            made.files.append(picture.file)
            made.cut += [picture.file] * picture.is_cut
    made.images = made.images[: len(made.files)]
    return made
