"""Read images to assign in batches: from a folder, a picture, a file of arrays or an idx file."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmclust.data.arrays import ImageArray, joined, open_arrays, range_for
from fmclust.data.forms import Form
from fmclust.data.idx import header_of, read_idx
from fmclust.data.idx_files import image_files
from fmclust.data.kinds import has_suffix, option_for
from fmclust.data.label_tables import find_label_tables
from fmclust.data.listing import Listing, list_files
from fmclust.data.opening import (
    first_of,
    frequent_reasons,
    printable,
    warnings_about_cut,
)
from fmclust.data.parquet import EncodedPictures
from fmclust.data.picture_files import PictureFile, is_archive
from fmclust.data.pictures import read_in_order, with_pages
from fmclust.data.scales import BYTES, Range, Scales, clipped, unseen
from fmclust.data.tables import notes_on_unused, read_table, tables_in
from fmclust.errors import UserError

IDX_IMAGES = header_of((0, 0, 0))[:4]  # first bytes of an idx file of images


@dataclass
class Batch:
    """Some images of an input, in its order.

    Attributes:
        names: A name for each image: its path in the folder, or its number in the file.
        images: uint8 array of shape (n, H, W), or (n, H, W, 3) in colour: those that are readable.
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
        folder: Folder or archive that the names of pictures are relative to; None for others.
        parts: The inputs that this one consists of; empty for one file or one folder of pictures.
        unread: Name of each image that can't be read, to the reason; filled by `read`.
        path: The path that was opened.
    """

    n_images: int
    batches: Iterator[Batch]
    scales: Scales = field(default_factory=Scales)
    notes: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    folder: Path | None = None
    parts: Sequence["Input"] = ()
    unread: dict[str, str] = field(default_factory=dict)
    path: Path = Path()

    def read(self) -> Iterator[Batch]:
        """Yield the batches.

        Raises:
            UserError: At the end, if no image could be read.
        """
        for batch in self.batches:
            self.unread |= {batch.names[row]: reason for row, reason in batch.reasons.items()}
            yield batch
        if len(self.unread) == self.n_images:
            reasons = frequent_reasons(self.unread.values()) or "the input is empty"
            raise UserError(
                f"input={self.path}: no image can be read, {reasons}: type "
                "input=<a folder of pictures>."
            )

    def warnings(self) -> list[str]:
        """Return sentences about files that were left out or scaled, after all are read."""
        could_not = []
        if self.unread:
            names, reasons = first_of([*self.unread]), frequent_reasons(self.unread.values())
            share = f"{len(self.unread):,} files or folders can't be read"
            could_not.append(f"{share}: {names}; {reasons}")
        not_seen = [unseen(kind, self.scales.ranges[kind]) for kind in sorted(self.scales.found)]
        cut = warnings_about_cut(self.cut)
        of_parts = [text for part in self.parts for text in part.warnings()]
        return [*could_not, *self.notes, *of_parts, *cut, *not_seen, *self.scales.warnings()]


@dataclass(frozen=True)
class Reading:
    """How to read an input.

    Attributes:
        form: What every image becomes.
        batch_size: Maximum number of images in a batch.
        ranges: Pixel type to the range that pictures are scaled by; those of other types are
            found over all pictures of the input.
        exclude: Patterns of files and folders to leave out of a folder.
        pages: Whether `all` pages of a TIFF file are pictures, or the `first`.
        prefix: What the names of the idx files of a folder with several sets begin with.
    """

    form: Form
    batch_size: int
    ranges: Mapping[str, Range] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    pages: str = "all"
    prefix: str | None = None


def open_input(path: Path, settings: Reading) -> Input:
    """Open images of any supported kind, to be read in batches.

    Args:
        path: A folder (searched recursively), an archive, a picture, a file of arrays (.npy, .npz,
            .pt), a table (.csv, .parquet), an idx file, or a folder of one of these kinds; tables
            and idx files plain or .gz.
        settings: How to read it.

    Raises:
        UserError: If there is nothing to read, or a file has an invalid header.
    """
    if not path.exists():
        raise UserError(f"input={path} does not exist: type input=<a folder or file>.")
    opened = _open(path, settings)
    opened.path = path
    return opened


def _open(path: Path, settings: Reading) -> Input:
    """Open a path by what it is."""
    if path.is_dir() and (option := option_for(path)) != "folder":
        files, notes = _files_of(path, option, settings.prefix)
        opened = _open_files(path, files, settings)
        opened.notes += notes
        return opened
    if path.is_dir() or is_archive(path):
        return _open_folder(path, settings)
    if has_suffix(path, "arrays"):
        held = open_arrays(path)[0]
        prefixed = {f"{split}/" if split else "": array for split, array in held.items()}
        return _open_arrays(path, prefixed, settings)
    return _opened(path, _read_one(path, settings), settings)


def _read_one(path: Path, settings: Reading) -> ImageArray | EncodedPictures | None:
    """Return the images of a table or an idx file; None for other files."""
    if has_suffix(path, "table"):
        table = read_table(path, settings.form.size)
        return table if isinstance(table, EncodedPictures) else table.images
    return ImageArray.of(read_idx(path), str(path)) if _is_idx(path) else None


def _opened(path: Path, read: ImageArray | EncodedPictures | None, settings: Reading) -> Input:
    """Open what `_read_one` has returned; a file of another kind is taken for a picture."""
    if isinstance(read, EncodedPictures):
        return open_pictures(read.files, settings)
    if read is not None:
        return _open_arrays(path, {"": read}, settings)
    opened = open_pictures([PictureFile.of(path)], settings)
    opened.folder = path.parent
    return opened


def _open_files(folder: Path, files: Sequence[Path], settings: Reading) -> Input:
    """Open several files of a folder; arrays and columns of pixels get one range."""
    if len(files) == 1:
        return _open(files[0], settings)
    read = {path: _read_one(path, settings) for path in files}
    arrays = {f"{p.name}: ": found for p, found in read.items() if isinstance(found, ImageArray)}
    if len(arrays) == len(files):
        return _open_arrays(folder, arrays, settings)
    return _joined({path: _opened(path, found, settings) for path, found in read.items()})


def _files_of(folder: Path, option: str, prefix: str | None) -> tuple[list[Path], list[str]]:
    """Return the files of images in a folder, those of `train` first, and notes on the others.

    Args:
        folder: A folder that is not one of pictures.
        option: The option of `data=` that reads it.
        prefix: See `Reading`.
    """
    if option == "table":
        tables, unused = tables_in(folder)
        return [*chain(*tables.values())], notes_on_unused(unused)
    if option == "idx":
        return image_files(folder, prefix), []
    found = sorted(path for path in folder.iterdir() if has_suffix(path, option))
    if len(found) > 1:
        typed = shlex.quote(f"input={found[0]}")
        raise UserError(
            f"input={folder} holds {len(found)} files of arrays, and only one is read: save all "
            f"images in one array, or type {typed}."
        )
    return found, []


def _joined(inputs: Mapping[Path, Input]) -> Input:
    """Return the images of several files, whose names then begin with that of the file."""
    n_images = sum(opened.n_images for opened in inputs.values())
    named = (
        replace(batch, names=[f"{path.name}: {name}" for name in batch.names])
        for path, opened in inputs.items()
        for batch in opened.batches
    )
    return Input(n_images, named, parts=[*inputs.values()])


def _open_folder(folder: Path, settings: Reading) -> Input:
    """List the pictures of a folder or an archive; the last batch names what can't be opened."""
    found = list_pictures(folder, settings.exclude)
    opened = open_pictures(found.files, settings)
    found.unmatched.clear()  # patterns of the run need not match here
    opened.folder, opened.notes = folder, found.warnings()
    if unread := found.unreadable:
        names, reasons = [name.as_posix() for name in unread], dict(enumerate(unread.values()))
        last = Batch(names, _pictures([], settings.form), reasons)
        opened.batches = chain(opened.batches, [last])
        opened.n_images += len(unread)
    return opened


def list_pictures(folder: Path, exclude: Sequence[str]) -> Listing:
    """List the files of a folder or an archive, without tables of labels.

    Raises:
        UserError: If there is none.
    """
    found = list_files(folder, exclude)
    tables = find_label_tables(found.files)
    found.files = [file for file in found.files if file not in tables]
    if not found.files and not found.unreadable:
        raise UserError(f"input={folder} holds no file: type input=<a folder of pictures>.")
    return found


def open_pictures(files: Sequence[PictureFile], settings: Reading) -> Input:
    """Open picture files, to be read in batches."""
    files = with_pages(files, settings.form.max_pixels) if settings.pages == "all" else files
    scales, cut = Scales(dict(settings.ranges), files), list[str]()
    return Input(len(files), _read_pictures(files, settings, scales, cut), scales, cut=cut)


def _read_pictures(
    files: Sequence[PictureFile], settings: Reading, scales: Scales, cut: list[str]
) -> Iterator[Batch]:
    """Yield batches of pictures; add the names of those whose end is missing to `cut`."""
    pictures = read_in_order(files, settings.form, scales)
    while batch := list(islice(pictures, settings.batch_size)):
        cut += [printable(picture.file.name) for picture in batch if picture.is_cut]
        names = [picture.file.name.as_posix() for picture in batch]
        images = [picture.image for picture in batch if picture.image is not None]
        reasons = {n: picture.reason for n, picture in enumerate(batch) if picture.image is None}
        yield Batch(names, _pictures(images, settings.form), reasons)


def _pictures(images: Sequence[NDArray[np.uint8]], form: Form) -> NDArray[np.uint8]:
    """Return images as one array of shape (n, H, W) or (n, H, W, 3)."""
    shape = (*form.size, 3) if form.in_colour else form.size
    return np.array(images, np.uint8).reshape(-1, *shape)


def _open_arrays(path: Path, arrays: Mapping[str, ImageArray], settings: Reading) -> Input:
    """Open arrays of images, one after another.

    Args:
        path: Their file, or the folder of their files.
        arrays: What the names of the images of each begin with, before their positions.
        settings: How to read them; all arrays of a pixel type get one range.
    """
    known, notes = settings.ranges, list[str]()
    scales = Scales(dict(known))
    kinds = {array.kind for array in arrays.values()}
    for kind in sorted(kinds if known else kinds - {BYTES}):
        found = joined(array.limits() for array in arrays.values() if array.kind == kind)
        limits = range_for(kind, found, known)
        if limits is not None:
            scales.ranges[kind] = limits
            notes += clipped(found, limits)
        elif kind != BYTES:
            scales.ranges[kind], scales.found[kind] = found, {PurePath(path.name): found}

    n_images = sum(map(len, arrays.values()))
    return Input(n_images, _read_arrays(arrays, settings, scales), scales, notes)


def _is_idx(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".gz" or file.read(len(IDX_IMAGES)) == IDX_IMAGES


def _read_arrays(
    arrays: Mapping[str, ImageArray], settings: Reading, scales: Scales
) -> Iterator[Batch]:
    """Yield batches of images of arrays; see `_open_arrays`."""
    form = settings.form
    for prefix, array in arrays.items():
        step, limits = min(settings.batch_size, array.step), scales.ranges.get(array.kind)
        for row in range(0, len(array), step):
            images = array.read(slice(row, row + step), limits, in_colour=form.in_colour)
            if images.shape[1:3] != form.size:
                images = np.stack([form.fitted(Image.fromarray(image)) for image in images])
            names = [f"{prefix}{n}" for n in range(row, row + len(images))]
            yield Batch(names, np.array(images))  # a copy: a memory map is read-only
