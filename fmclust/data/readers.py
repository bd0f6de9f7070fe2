"""Read images to assign in batches: from a folder, a picture, a .npy or an idx file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmclust.data.idx import header_of, open_binary, read_shape, read_values
from fmclust.data.pictures import pictures_below, read_in_order, resized
from fmclust.errors import UserError, reading

IDX_IMAGES = header_of((0, 0, 0))[:4]  # first bytes of an idx file of images
MAX_READ = 1 << 26  # bytes of a file in memory at once; also the maximum pixels of an image

# The shape of the images in a file, and a function that reads so many of them at once.
Opened = tuple[tuple[int, ...], Callable[[int], Iterator[NDArray[np.uint8]]]]


@dataclass
class Batch:
    """Some images of an input, in its order.

    Attributes:
        names: A name for each image: its path in the folder, or its number in the file.
        images: uint8 array of shape (n, H, W), the images that are readable.
        reasons: For each unreadable image, its row in `names` and the error.
    """

    names: Sequence[str]
    images: NDArray[np.uint8]
    reasons: dict[int, str] = field(default_factory=dict)


def open_input(path: Path, size: Sequence[int], batch_size: int) -> tuple[int, Iterator[Batch]]:
    """Open images of any supported kind, to be read in batches.

    Args:
        path: A folder (searched recursively), a picture, a .npy file of uint8 images, or an idx
            file, plain or .gz.
        size: Height and width in pixels to which all images are resized.
        batch_size: Maximum number of images in a batch.

    Returns:
        The number of images, and an iterator that reads them.

    Raises:
        UserError: If there is nothing to read, or a file has an invalid header.
    """
    if not path.exists():
        raise UserError(f"input={path} does not exist: type input=<a folder or file>.")
    if path.is_dir():
        paths = pictures_below(path)
        if not paths:
            raise UserError(f"input={path} holds no file: type input=<a folder of pictures>.")
        return len(paths), _read_pictures(paths, path, size, batch_size)
    if path.suffix == ".npy":
        (n_images, *sides), read = _open_npy(path)
    elif _is_idx(path):
        (n_images, *sides), read = _open_idx(path)
    else:
        return 1, _read_pictures([path], path.parent, size, batch_size)
    height, width = sides
    if not 0 < height * width <= MAX_READ:
        promise = f"{path} promises images of {height}x{width} pixels"
        raise UserError(f"{promise}, which is impossible: type input=<an undamaged file>.")
    return n_images, _to_batches(read(min(batch_size, MAX_READ // (height * width))), size)


def _read_pictures(
    paths: Iterable[Path], folder: Path, size: Sequence[int], batch_size: int
) -> Iterator[Batch]:
    pictures = read_in_order(paths, size)
    while batch := list(islice(pictures, batch_size)):
        names = [path.relative_to(folder).as_posix() for path, _ in batch]
        images = [image for _, image in batch if not isinstance(image, UserError)]
        reasons = {n: str(e) for n, (_, e) in enumerate(batch) if isinstance(e, UserError)}
        yield Batch(names, np.array(images, np.uint8).reshape(-1, *size), reasons)


def _open_npy(path: Path) -> Opened:
    """Map a .npy file of gray images into memory."""
    with reading(path):
        images: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")
    shape = images.shape
    if images.ndim == 4 and 1 in (shape[1], shape[3]):
        images = images[:, 0] if shape[1] == 1 else images[..., 0]
    if images.dtype != np.uint8 or images.ndim != 3:
        advice = "save uint8, 0 to 255, of shape (N, H, W), gray"
        raise UserError(f"{path} holds {images.dtype} of shape {shape}: {advice}.")
    return images.shape, lambda n: (images[row : row + n] for row in range(0, len(images), n))


def _is_idx(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".gz" or file.read(len(IDX_IMAGES)) == IDX_IMAGES


def _open_idx(path: Path) -> Opened:
    """Read the header of an idx file of images."""
    with reading(path), open_binary(path) as file:
        shape = read_shape(file, path)
    if len(shape) != 3:
        raise UserError(f"{path} has shape {shape}, expected images: (N, H, W).")

    def read(n: int) -> Iterator[NDArray[np.uint8]]:
        with reading(path), open_binary(path) as file:
            n_images, *sides = read_shape(file, path)
            for row in range(0, n_images, n):
                yield read_values(file, (min(n, n_images - row), *sides), path)

    return shape, read


def _to_batches(slices: Iterable[NDArray[np.uint8]], size: Sequence[int]) -> Iterator[Batch]:
    """Yield consecutive images of a file, resized and named by their number."""
    numbers = map(str, count())
    for images in slices:
        names = list(islice(numbers, len(images)))
        if images.shape[1:] != tuple(size):
            images = np.stack([resized(Image.fromarray(image), size) for image in images])
        yield Batch(names, np.array(images))  # a copy: a memory map is read-only
