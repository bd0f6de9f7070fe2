"""Images in tables: a column for each pixel and, perhaps, one for the label."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmclust.data.array_files import ArrayFiles
from fmclust.data.arrays import WHOLE, ImageArray
from fmclust.data.class_folders import SPLIT_WORDS
from fmclust.data.kinds import has_suffix, other_option
from fmclust.errors import UserError, reading, require_whole_numbers

PIXEL = re.compile(r"(?:p|px|pixel)?[ _-]?\d+(?:[x_-]\d+)?", re.IGNORECASE)  # pixel1, 3, 28x28
NUMBERS_OF_ROWS = re.compile(r"unnamed: \d+|index|id|image_?id", re.IGNORECASE)  # not used
CHUNK = 10_000  # rows


class TableFiles(ArrayFiles):
    """Images in CSV files, a row for each image and a column for each pixel.

    Columns are pixels if their names are numbers, with or without `pixel` before them, as in
    Kaggle's MNIST and Fashion-MNIST. One more column may hold the labels. In a file without names,
    the first column holds the labels if the number of the others is a square. If a folder has files
    named after splits, such as `train.csv` and `test.csv`, the split is theirs.

    Args:
        root: A .csv file, plain or .gz, or a folder with such files.
        image_size: Height and width in pixels; None for a square.
        **settings: See `ArrayFiles`.

    Raises:
        UserError: If there is no such file, or an argument is out of range.
    """

    def __init__(
        self, *, root: str, image_size: int | Sequence[int] | None = None, **settings: Any
    ) -> None:
        super().__init__(root=root, **settings)
        self.size: tuple[int, int] | None = None
        if image_size is not None:
            sides = [image_size] * 2 if isinstance(image_size, int) else image_size
            require_whole_numbers("data.image_size", sides, n=2)
            self.size = sides[0], sides[1]

    def find(self, root: Path) -> dict[str, Path]:
        """Return split, or `WHOLE`, to the file; see `ArrayFiles.find`."""
        if root.is_file() and has_suffix(root, "table"):
            return {WHOLE: root}
        paths = sorted(root.iterdir()) if root.is_dir() else []
        found = [path for path in paths if has_suffix(path, "table")]
        if len(found) == 1:
            return {WHOLE: found[0]}
        splits: dict[str, Path] = {}
        for path in found:
            words = re.split(r"[^a-z]+", path.name.lower())
            named = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
            if len(named) != 1 or named & splits.keys():
                raise UserError(
                    f"{root} holds {len(found)} tables, whose names do not tell the splits: type "
                    "data.root=<one of them>."
                )
            splits[named.pop()] = path
        if not found:
            cure = other_option(root, "table", "data.root=<a .csv file>")
            raise UserError(f"{root} is not a table: type {cure}.")
        return splits

    def open(self) -> tuple[dict[str, ImageArray], dict[str, NDArray[Any]]]:
        """Read the tables; see `open_arrays`."""
        images, labels = {}, {}
        for split, path in self.paths.items():
            images[split], found = read_table(path, self.size)
            if self.size not in (None, images[split].size):
                raise UserError(
                    f"{path} has {math.prod(images[split].size)} columns of pixels, too few or too "
                    f"many for data.image_size={self.size}: type data.image_size=null."
                )
            if found is not None:
                labels[split] = found
        return images, labels


def read_table(
    path: Path, size: tuple[int, int] | None = None
) -> tuple[ImageArray, NDArray[Any] | None]:
    """Read a CSV file of images.

    Args:
        path: The file, plain or .gz.
        size: Height and width in pixels, if their product is the number of pixels; otherwise the
            images are squares.

    Returns:
        The images, and the labels of shape (N,), numbers or texts; None without them.

    Raises:
        UserError: If the file is damaged, or its columns are not those of images.
    """
    from rich.progress import open as open_with_progress

    with reading(path):
        compression: Any = "gzip" if path.suffix.lower() == ".gz" else None
        options: Any = {"compression": compression, "header": _header(path, compression)}
        with open_with_progress(path, "rb", description=f"Reading {path.name}") as file:
            chunks = pd.read_csv(file, chunksize=CHUNK, **options)
            pixels, labels = [], []
            for chunk in chunks:
                label, columns = _columns(chunk, path)
                pixels.append(_compact(chunk[columns].to_numpy()))
                labels.append(chunk[label] if label is not None else None)
        values = np.concatenate(pixels)
        height, width = _size(values.shape[1], size, path)
        images = ImageArray.of(values.reshape(-1, height, width), str(path))
        return images, None if labels[0] is None else _labels(pd.concat(labels))


def _header(path: Path, compression: Any) -> int | None:
    """Return 0 if the first row has the names of the columns, None if it has numbers."""
    first = pd.read_csv(path, nrows=1, header=None, dtype=str, compression=compression)
    numbers = pd.to_numeric(first.iloc[0, 1:], errors="coerce")  # the first may be a text label
    ascending = numbers.diff().iloc[1:].eq(1).all()  # columns named 0, 1, 2 ...
    return 0 if numbers.isna().any() or (ascending and len(numbers) > 2) else None


def _columns(chunk: pd.DataFrame, path: Path) -> tuple[Any, list[Any]]:
    """Return the column of the labels, or None, and those of the pixels."""
    names = [*chunk.columns]
    if all(isinstance(name, int) for name in names):  # without names
        has_label = math.isqrt(len(names)) ** 2 != len(names)
        return (names[0], names[1:]) if has_label else (None, names)
    pixels = [name for name in names if PIXEL.fullmatch(str(name))]
    others = [n for n in names if n not in pixels and not NUMBERS_OF_ROWS.fullmatch(str(n))]
    if len(others) > 1 or not pixels:
        named = ", ".join(map(str, others[:5]))
        raise UserError(
            f"{path} has the columns {named} beside those of {len(pixels)} pixels: keep one column "
            "for the label, and name the pixels pixel1, pixel2 and so on."
        )
    return (others[0] if others else None), pixels


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers as uint8 if they are whole and from 0 to 255, else as float32."""
    if values.dtype.kind in "iu" and values.size and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    return values.astype(np.float32)


def _size(n_pixels: int, size: tuple[int, int] | None, path: Path) -> tuple[int, int]:
    """Return height and width in pixels."""
    side = math.isqrt(n_pixels)
    if size is not None and math.prod(size) == n_pixels:
        return size
    if side**2 == n_pixels:
        return side, side
    raise UserError(
        f"{path} has {n_pixels} columns of pixels, which is not a square: type "
        "'data.image_size=[<height>,<width>]'."
    )


def _labels(column: "pd.Series[Any]") -> NDArray[Any]:
    """Return labels as numbers, or as texts if a label is missing or text; "" is none."""
    if pd.api.types.is_numeric_dtype(column) and column.notna().all():
        return column.to_numpy()
    texts = column.map(lambda label: f"{label:g}" if isinstance(label, float) else str(label))
    return texts.where(column.notna(), "").to_numpy(str)
