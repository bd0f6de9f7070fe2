"""Read images to assign in batches: from a folder, a picture, a file of arrays or an idx file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmclust.data.arrays import WHOLE, ImageArray, joined, open_arrays, usual_range
from fmclust.data.idx import header_of, open_binary, read_shape, read_values
from fmclust.data.kinds import has_suffix
from fmclust.data.label_tables import find_label_tables
from fmclust.data.listing import list_files
from fmclust.data.opening import MAX_PIXELS, printable, warnings_about_cut
from fmclust.data.picture_files import PictureFile, is_archive
from fmclust.data.pictures import read_in_order, resized, with_pages
from fmclust.data.scales import BYTES, Range, Scales, span_text
from fmclust.data.tables import read_table
from fmclust.errors import UserError, reading

IDX_IMAGES = header_of((0, 0, 0))[:4]  # first bytes of an idx file of images
MAX_READ = 1 << 26  # bytes of a file in memory at once; also the maximum pixels of an image

# The shape of the array in a file, and a function that yields batches of a given size.
Opened = tuple[tuple[int, ...], Callable[[int], Iterator[NDArray[np.uint8]]]]


@dataclass
class Batch:
    """Some images of an input, in its order.

    Attributes:
        names: A name for each image: its path in the folder, or its number in the file.
        images: uint8 array of shape (n, H, W), the images that are readable.
        reasons: For each unreadable image, its row in `names` and why.
    """

    names: Sequence[str]
    images: NDArray[np.uint8]
    reasons: dict[int, str] = field(default_factory=dict)


@dataclass
class Input:
    """Images to assign.

    Attributes:
        n_images: Number of images, the unreadable ones included.
        batches: The images, read batch by batch.
        scales: The ranges of pixels deeper than 8 bits; records what is read.
        notes: Sentences about files that were left out.
        cut: Names of JPEG files whose end is missing; filled while the batches are read.
    """

    n_images: int
    batches: Iterator[Batch]
    scales: Scales = field(default_factory=Scales)
    notes: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def warnings(self) -> list[str]:
        """Return sentences about files that were left out or scaled, after all are read."""
        unseen = [
            f"the run has seen no {kind} pixels: they are scaled by "
            f"{span_text(self.scales.ranges[kind])}, the range of all such files of the input"
            for kind in sorted(self.scales.found)
        ]
        cut = warnings_about_cut(self.cut)
        return [*self.notes, *cut, *unseen, *self.scales.warnings()]


def open_input(
    path: Path,
    size: Sequence[int],
    batch_size: int,
    *,
    ranges: Mapping[str, Range] | None = None,
    exclude: Sequence[str] = (),
    max_pixels: int = MAX_PIXELS,
    pages: str = "all",
) -> Input:
    """Open images of any supported kind, to be read in batches.

    Args:
        path: A folder (searched recursively), an archive, a picture, a file of arrays (.npy, .npz,
            .pt), a table (.csv), or an idx file; tables and idx files plain or .gz.
        size: Height and width in pixels to which all images are resized.
        batch_size: Maximum number of images in a batch.
        ranges: Pixel type to the range that pictures are scaled by; those of other types are
            found over all pictures of the folder.
        exclude: Patterns of files and folders to leave out of a folder.
        max_pixels: Maximum number of pixels of a picture; see `opened`.
        pages: Whether `all` pages of a TIFF file are pictures, or the `first`.

    Raises:
        UserError: If there is nothing to read, or a file has an invalid header.
    """
    if not path.exists():
        raise UserError(f"input={path} does not exist: type input=<a folder or file>.")
    if path.is_dir() or is_archive(path):
        return _open_folder(path, size, batch_size, ranges or {}, exclude, max_pixels, pages)
    if has_suffix(path, "arrays"):
        return _open_array_file(path, open_arrays(path)[0], size, batch_size, ranges or {})
    if has_suffix(path, "table"):
        table = read_table(path, (size[0], size[1]))
        n_rows = len(table.images) + len(table.unreadable)
        names = [row for row in map(str, range(n_rows)) if row not in table.unreadable]
        images = {WHOLE: table.images}
        opened = _open_array_file(path, images, size, batch_size, ranges or {}, names)
        return _with_unread(opened, table.unreadable, size)
    if _is_idx(path):
        (n_images, *sides), read = _open_idx(path)
        slices = read(_bounded(batch_size, path, sides))
        return Input(n_images, _to_batches(slices, size, map(str, count())))
    return _open_pictures([PictureFile.of(path)], size, batch_size, ranges or {}, max_pixels, pages)


def _bounded(batch_size: int, path: Path, sides: Sequence[int]) -> int:
    """Return the number of images of a file to read at once, which bounds the memory."""
    height, width = sides
    if not 0 < height * width <= MAX_READ:
        promise = f"{path} promises images of {height}x{width} pixels"
        raise UserError(f"{promise}, which is out of range: type input=<an undamaged file>.")
    return min(batch_size, MAX_READ // (height * width))


def _open_folder(
    folder: Path,
    size: Sequence[int],
    batch_size: int,
    ranges: Mapping[str, Range],
    exclude: Sequence[str],
    max_pixels: int,
    pages: str,
) -> Input:
    """List the pictures of a folder or an archive; the last batch names what can't be opened."""
    found = list_files(folder, exclude)
    tables = find_label_tables(found.files)
    found.files = [file for file in found.files if file not in tables]
    if not found.files and not found.unreadable:
        raise UserError(f"input={folder} holds no file: type input=<a folder of pictures>.")
    opened = _open_pictures(found.files, size, batch_size, ranges, max_pixels, pages)
    found.unmatched.clear()  # patterns of the run need not match here
    opened.notes = found.warnings()
    unread = {name.as_posix(): reason for name, reason in found.unreadable.items()}
    return _with_unread(opened, unread, size)


def _with_unread(opened: Input, unread: Mapping[str, str], size: Sequence[int]) -> Input:
    """Add a last batch of names that can't be read, with the reasons."""
    if unread:
        reasons = dict(enumerate(unread.values()))
        last = Batch([*unread], np.empty((0, *size), np.uint8), reasons)
        opened.batches = chain(opened.batches, [last])
        opened.n_images += len(unread)
    return opened


def _open_pictures(
    files: Sequence[PictureFile],
    size: Sequence[int],
    batch_size: int,
    ranges: Mapping[str, Range],
    max_pixels: int,
    pages: str,
) -> Input:
    """Open picture files, to be read in batches."""
    files = with_pages(files) if pages == "all" else files
    scales, cut = Scales(dict(ranges), files), list[str]()
    batches = _read_pictures(files, size, batch_size, scales, max_pixels, cut)
    return Input(len(files), batches, scales, cut=cut)


def _read_pictures(
    files: Sequence[PictureFile],
    size: Sequence[int],
    batch_size: int,
    scales: Scales,
    max_pixels: int,
    cut: list[str],
) -> Iterator[Batch]:
    """Yield batches of pictures; add the names of those whose end is missing to `cut`."""
    pictures = read_in_order(files, size, scales, max_pixels)
    while batch := list(islice(pictures, batch_size)):
        cut += [printable(picture.file.name) for picture in batch if picture.is_cut]
        names = [picture.file.name.as_posix() for picture in batch]
        images = [picture.image for picture in batch if picture.image is not None]
        reasons = {n: picture.reason for n, picture in enumerate(batch) if picture.image is None}
        yield Batch(names, np.array(images, np.uint8).reshape(-1, *size), reasons)


def _open_array_file(
    path: Path,
    arrays: Mapping[str, ImageArray],
    size: Sequence[int],
    batch_size: int,
    ranges: Mapping[str, Range],
    names: Iterable[str] | None = None,
) -> Input:
    """Open all images of a file of arrays or a table, split by split.

    Without `names`, each image is named by its split and its position.
    """
    scales = Scales(dict(ranges))
    for kind in sorted({array.kind for array in arrays.values()} - {BYTES, *ranges}):
        found = joined(array.limits() for array in arrays.values() if array.kind == kind)
        usual = usual_range(found)
        scales.ranges[kind] = usual or found
        if usual is None:
            scales.found[kind] = {PurePath(path.name): found}

    def slices() -> Iterator[NDArray[np.uint8]]:
        for array in arrays.values():
            step = _bounded(batch_size, path, array.size)
            for row in range(0, len(array), step):
                yield array.read(slice(row, row + step), scales.ranges.get(array.kind))

    prefixes = {split: f"{split}/" if len(arrays) > 1 else "" for split in arrays}
    places = (f"{prefixes[split]}{i}" for split, array in arrays.items() for i in range(len(array)))
    n_images = sum(map(len, arrays.values()))
    return Input(n_images, _to_batches(slices(), size, iter(names or places)), scales)


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


def _to_batches(
    slices: Iterable[NDArray[np.uint8]], size: Sequence[int], names_of_all: Iterator[str]
) -> Iterator[Batch]:
    """Yield consecutive images of a file, resized and named."""
    for images in slices:
        names = list(islice(names_of_all, len(images)))
        if images.shape[1:] != tuple(size):
            images = np.stack([resized(Image.fromarray(image), size) for image in images])
        yield Batch(names, np.array(images))  # a copy: a memory map is read-only
