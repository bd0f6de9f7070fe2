"""Images in tables: encoded pictures, lists or columns of pixels, and perhaps labels."""

import gzip
import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmclust.data.array_files import ArrayFiles
from fmclust.data.arrays import WHOLE, ImageArray
from fmclust.data.class_folders import SPLIT_WORDS
from fmclust.data.csv_format import (
    MAX_LINE,
    as_named,
    ends_in_separator,
    in_its_encoding,
    separator_in,
)
from fmclust.data.decoding import decode
from fmclust.data.forms import Form, both_sides
from fmclust.data.kinds import has_suffix, unfit
from fmclust.data.label_tables import label_columns
from fmclust.data.memory import empty_images
from fmclust.data.opening import first_of, warnings_about_cut
from fmclust.data.parquet import (
    EncodedPictures,
    ListedImages,
    label_values,
    read_parquet,
    size_of_first,
)
from fmclust.data.scales import Scales
from fmclust.data.splits import SPLITS
from fmclust.errors import UserError, reading, require_whole_numbers
from fmclust.terminal import console

if TYPE_CHECKING:
    import pandas as pd

PIXEL = re.compile(r"(?:p|px|pixel)?[ _-]?\d+(?:[x_-]\d+)?", re.IGNORECASE)  # pixel1, 3, 28x28
NUMBERS_OF_ROWS = re.compile(r"unnamed: \d+|index|id|image_?id", re.IGNORECASE)  # not used
PART = re.compile(r"-\d+-of-\d+")  # of the names of parts of one table
CHUNK = 10_000  # rows


@dataclass
class Table:
    """The images of a table.

    Attributes:
        images: The readable images.
        labels: Array of shape (N,), numbers or texts; None without a column of labels.
        unreadable: Row of each picture that can't be read, to the reason.
    """

    images: ImageArray
    labels: NDArray[Any] | None
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        """Row of each readable picture in the file."""
        rows = map(str, range(len(self.images) + len(self.unreadable)))
        return [row for row in rows if row not in self.unreadable]


class TableFiles(ArrayFiles):
    """Images in CSV or Parquet files, a row for each image.

    A Parquet file has a column of encoded pictures, as Hugging Face has them; other tables have a
    column for each pixel, or three in colour: red, green and blue of the first pixel, then of the
    second, and so on. Columns are pixels if their names are numbers, with or without `pixel`
    before them, as in Kaggle's MNIST and Fashion-MNIST. One more column may hold the labels. In a
    file without names, the first column holds the labels if the number of all columns is neither a
    square nor three times one. If a folder has files named after splits, such as `train.csv` and
    `test.csv`, the split is theirs.

    Args:
        root: A .csv file, plain or .gz, a .parquet file, or a folder with such files.
        image_size: Height and width in pixels; None for squares, or the size of the first picture.
        fit: How encoded pictures of another shape are fitted; see `Form`.
        background: Name of the colour behind transparent pixels, and of padding.
        **settings: See `ArrayFiles`.

    Raises:
        UserError: If there is no such file, or an argument is out of range.
    """

    def __init__(
        self,
        *,
        root: str,
        image_size: int | Sequence[int] | None = None,
        fit: str = "stretch",
        background: str = "white",
        **settings: Any,
    ) -> None:
        super().__init__(root=root, **settings)
        self.size: tuple[int, int] | None = None
        if image_size is not None:
            sides = [image_size] * 2 if isinstance(image_size, int) else image_size
            require_whole_numbers("data.image_size", sides, n=2)
            self.size = sides[0], sides[1]
        self.form = Form(self.size or (0, 0), self.color, fit, background)

    def find(self, root: Path) -> dict[str, list[Path]]:
        """Return split, or `WHOLE`, to the files; see `ArrayFiles.find`."""
        if root.is_file() and has_suffix(root, "table"):
            return {WHOLE: [root]}
        found, unused = tables_in(root)
        if not found:
            raise unfit(root, "table", "a table", "data.root=<a .csv file>")
        self.warnings += notes_on_unused(unused)
        return found

    def open(self) -> tuple[dict[str, ImageArray], dict[str, NDArray[Any]]]:
        """Read the tables; see `open_arrays`."""
        images, labels = {}, {}
        tables = self._decode(
            {path: read_table(path, self.size) for held in self.paths.values() for path in held}
        )
        for split, paths in self.paths.items():
            read = [tables[path] for path in paths]
            path, sizes = paths[0], {part.images.size for part in read}
            if len(sizes) > 1:
                height, width = read[0].images.size
                raise UserError(
                    f"{self.root} holds images of several sizes: type "
                    f"'data.image_size=[{height},{width}]'."
                )
            images[split] = ImageArray.joined([part.images for part in read])
            names = list[str]()
            for source, part in zip(paths, read, strict=True):
                inside = f"{source.name}: " if split != WHOLE or len(paths) > 1 else ""
                names += [f"{inside}{row}" for row in part.rows]
                self.unreadable |= {
                    f"{source.name}: {n}": why for n, why in part.unreadable.items()
                }
            self.names[split] = names
            given = [part.labels for part in read if part.labels is not None]
            found = np.concatenate(given) if len(given) == len(read) else None
            if self.size not in (None, images[split].size):
                raise UserError(
                    f"{path} has {math.prod(images[split].size)} columns of pixels, too few or too "
                    f"many for data.image_size={self.size}: type data.image_size=null."
                )
            if found is not None:
                labels[split] = found
        return images, labels

    def _decode(self, tables: Mapping[Path, Table | EncodedPictures]) -> dict[Path, Table]:
        """Decode the pictures of all tables, deep ones by one range; note what is unusual."""
        read = {path: table for path, table in tables.items() if isinstance(table, Table)}
        encoded = {p: table for p, table in tables.items() if isinstance(table, EncodedPictures)}
        if not encoded:
            return read
        files = [file for table in encoded.values() for file in table.files]
        size = both_sides(self.size) if self.size else size_of_first(files)
        decoded = decode(
            files,
            replace(self.form, size=size),
            Scales.of(self.scale),
            title=f"Decoding {self.root.name}",
            allocate=partial(empty_images, folder=self.cache),
        )
        self.ranges = decoded.scales.used()
        self.warnings += warnings_about_cut(
            [f"{file.path.name}: {file.name}" for file in decoded.cut]
        )
        self.warnings += decoded.scales.warnings(decoded.scales.advice())
        rows: dict[Path, list[int]] = {path: [] for path in encoded}
        for file in decoded.files:
            rows[file.path].append(int(file.name.name))
        images, start = np.moveaxis(decoded.images, 1, 3), 0
        for path, table in encoded.items():
            own = ImageArray.of(images[start : start + len(rows[path])], str(path))
            read[path] = Table(own, None if table.labels is None else table.labels[rows[path]])
            start += len(rows[path])
        for file, why in decoded.unreadable.items():
            read[file.path].unreadable[file.name.name] = why
        return read


def tables_in(folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """Return split, or `WHOLE` for one table, to the tables in a folder; and those of no split.

    Raises:
        UserError: If there are several tables, and their names do not tell the splits.
    """
    folders = [folder, folder / "data"]  # the second as in Hugging Face's repositories
    paths = [path for each in folders if each.is_dir() for path in sorted(each.iterdir())]
    found = [path for path in paths if has_suffix(path, "table")]
    if len(found) == 1:
        return {WHOLE: found}, []
    splits: dict[str, list[Path]] = {split: [] for split in SPLITS}
    unused = []
    for path in found:
        words = re.split(r"[^a-z]+", path.name.lower())
        named = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
        if not named:
            unused.append(path)
        elif len(named) > 1 or (splits[min(named)] and not PART.search(path.name)):
            raise _ambiguous(folder, found)
        else:
            splits[min(named)].append(path)
    if len(unused) == len(found) > 0:
        raise _ambiguous(folder, found)
    return {split: tables for split, tables in splits.items() if tables}, unused


def notes_on_unused(tables: Sequence[Path]) -> list[str]:
    """Return a sentence about tables that are not named after a split, if there are any."""
    names = first_of([path.name for path in tables])
    return [f"tables not named after a split are not used: {names}"] if tables else []


def _ambiguous(folder: Path, tables: Sequence[Path]) -> UserError:
    return UserError(
        f"{folder} holds {len(tables)} tables, whose names do not tell the splits: "
        "name one of them instead of the folder."
    )


def read_table(path: Path, size: tuple[int, int] | None) -> Table | EncodedPictures:
    """Read a CSV or Parquet file of images.

    Args:
        path: The file.
        size: Height and width in pixels of images with a column for each pixel; they are squares
            if it is None or does not fit their number.

    Returns:
        The images, or the encoded pictures, and the labels if there is a column of them.

    Raises:
        UserError: If the file is damaged, or its columns are not those of images.
    """
    if path.suffix.lower() == ".parquet":
        found = read_parquet(path)
        if isinstance(found, EncodedPictures):
            return found
        if isinstance(found, ListedImages):
            values = found.values
            if values.ndim == 2:
                values = values.reshape(-1, *_shape(values.shape[1], size, path))
            return Table(ImageArray.of(values, str(path)), found.labels)
        return _from_columns([found], size, path)
    with reading(path):
        return in_its_encoding(lambda encoding: _from_csv(path, size, encoding))


def _from_csv(path: Path, size: tuple[int, int] | None, encoding: str) -> Table:
    import pandas as pd  # slow, and other kinds of images do without
    from rich.progress import open as open_with_progress

    is_packed = path.suffix.lower() == ".gz"
    opener: Any = gzip.open if is_packed else open
    with opener(path, "rb") as start:
        separator = separator_in(start.readline(MAX_LINE))
    options: Any = {"sep": separator, "encoding": encoding}
    options["compression"] = "gzip" if is_packed else None
    options["header"] = _header(path, options)
    title = f"Reading {path.name}"
    with open_with_progress(path, "rb", description=title, console=console()) as file:
        chunks = pd.read_csv(file, chunksize=CHUNK, **options)
        first = next(chunks)
        whole = chain([first], chunks)
        # Names of rows are different from each other; labels and pixels are not.
        if ends_in_separator(first) and not first.index.is_unique:
            return _from_columns(map(as_named, whole), size, path)
        return _from_columns(whole, size, path)


def _from_columns(
    chunks: Iterable["pd.DataFrame"], size: tuple[int, int] | None, path: Path
) -> Table:
    """Return the images of tables with a column for each pixel."""
    import pandas as pd

    pixels, labels = list[NDArray[Any]](), []
    for chunk in chunks:
        label, columns = _columns(chunk, size, path)
        with reading(path):  # texts in columns of pixels, or missing ones
            pixels.append(_compact(chunk[columns], first_row=sum(map(len, pixels))))
        labels.append(chunk[label] if label is not None else None)
    values = np.concatenate(pixels)
    shape = _shape(values.shape[1], size, path)
    images = ImageArray.of(values.reshape(-1, *shape), str(path))
    return Table(images, None if labels[0] is None else label_values(pd.concat(labels)))


def _header(path: Path, options: Any) -> int | None:
    """Return 0 if the first row has the names of the columns, None if it has numbers."""
    import pandas as pd

    first = pd.read_csv(path, nrows=1, header=None, dtype=str, **options)
    numbers = pd.to_numeric(first.iloc[0, 1:], errors="coerce")  # the first may be a text label
    ascending = numbers.diff().iloc[1:].eq(1).all()  # columns named 0, 1, 2 ...
    return 0 if numbers.isna().any() or (ascending and len(numbers) > 2) else None


def _columns(
    chunk: "pd.DataFrame", size: tuple[int, int] | None, path: Path
) -> tuple[Any, list[Any]]:
    """Return the column of the labels, or None, and those of the pixels."""
    names = [*chunk.columns]
    numbered = [str(number) for number in range(len(names))]
    if [*map(str, names)] == numbered:  # without names, or with those that pandas gives
        fitting = () if size is None else (math.prod(size), 3 * math.prod(size))
        is_labelled = len(names) - 1 in fitting
        has_label = is_labelled or (len(names) not in fitting and _square(len(names)) is None)
        return (names[0], names[1:]) if has_label else (None, names)
    pixels = [name for name in names if PIXEL.fullmatch(str(name))]
    others = [n for n in names if n not in pixels and not NUMBERS_OF_ROWS.fullmatch(str(n))]
    if not pixels and label_columns(chunk) is not None:
        is_csv = path.suffix.lower() != ".parquet"
        typed = shlex.quote(f"data.labels={path}") if is_csv else "data.labels=<a .csv file of it>"
        raise UserError(
            f"{path} labels pictures: type data=folder data.root=<their folder> {typed}."
        )
    if len(others) > 1 or not pixels:
        named = ", ".join(map(str, others[:5]))
        raise UserError(
            f"{path} has the columns {named} beside those of {len(pixels)} pixels: keep one column "
            "for the label, and name the pixels pixel1, pixel2 and so on."
        )
    return (others[0] if others else None), pixels


def _compact(pixels: "pd.DataFrame", first_row: int) -> NDArray[Any]:
    """Return whole numbers as int16 or int32, the first that holds them, others as float32.

    Raises:
        ValueError: If pixels are missing.
    """
    if (is_short := pixels.isna().any(axis=1).to_numpy()).any():
        row = first_row + int(is_short.argmax())
        raise ValueError(f"pixels are missing in row {row}, counted from 0")
    is_whole = all(dtype.kind in "iu" for dtype in pixels.dtypes)  # nullable ones, too
    if not is_whole or pixels.empty:
        return pixels.to_numpy(np.float32)
    values = pixels.to_numpy(np.int64)
    limits = map(np.min_scalar_type, (values.min(), values.max()))
    holding = np.result_type(np.int16, *limits)
    return values.astype(holding if holding.itemsize <= np.dtype(np.int32).itemsize else np.float32)


def _shape(n_pixels: int, size: tuple[int, int] | None, path: Path) -> tuple[int, ...]:
    """Return the shape of an image: (H, W), or (H, W, 3) if there are three columns for a pixel."""
    if size is not None and n_pixels in (math.prod(size), 3 * math.prod(size)):
        return size if n_pixels == math.prod(size) else (*size, 3)
    if (shape := _square(n_pixels)) is not None:
        return shape
    if size is not None:
        raise UserError(
            f"{path} has {n_pixels} columns of pixels, neither {size[0]}x{size[1]} nor a square: "
            "save a column for each pixel of an image, or three in colour."
        )
    raise UserError(
        f"{path} has {n_pixels} columns of pixels, neither a square nor three times one: type "
        "'data.image_size=[<height>,<width>]'."
    )


def _square(n_pixels: int) -> tuple[int, ...] | None:
    """Return the shape of a square image, gray or in colour, or None if there is none."""
    for channels, shape in ((1, ()), (3, (3,))):
        side = math.isqrt(n_pixels // channels)
        if channels * side**2 == n_pixels:
            return (side, side, *shape)
    return None
