"""Labels of pictures in a CSV file: a column of files, and one of labels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fmclust.data.csv_format import (
    MAX_LINE,
    as_named,
    ends_in_separator,
    in_its_encoding,
    separator_in,
)
from fmclust.data.kinds import PICTURES
from fmclust.data.picture_files import PictureFile
from fmclust.errors import UserError, reading

if TYPE_CHECKING:
    import pandas as pd

FILES = ("file", "filename", "file_name", "image", "path")  # names of columns
LABELS = ("label", "class")


@dataclass(frozen=True)
class LabelTable:
    """The labels of pictures.

    Attributes:
        path: The CSV file.
        labels: File, as it is named in the table, to its label; pictures without one are left out.
    """

    path: Path
    labels: Mapping[str, str]

    @classmethod
    def read(cls, file: PictureFile) -> "LabelTable":
        """Read a CSV file.

        Raises:
            UserError: If it is damaged, has no such columns, or names a file twice.
        """
        path = file.path / file.member
        with reading(path):
            table = _read(file)
        columns = label_columns(table)
        if columns is None:
            raise UserError(
                f"{path} has the columns {', '.join(map(str, table.columns[:5]))}: name the column "
                "of the files file, and that of the labels label."
            )
        files = table[columns[0]].map(lambda name: str(PurePosixPath(name.replace("\\", "/"))))
        labels = dict[str, str]()
        for file_name, label in zip(files, table[columns[1]], strict=True):
            if labels.setdefault(file_name, label) != label:
                raise UserError(f"{path} gives {file_name} two labels: keep one for each file.")
        return cls(path, {file_name: label for file_name, label in labels.items() if label})

    def of(self, names: Iterable[str], folder: str) -> tuple[dict[str, str], list[list[str]]]:
        """Return name to label of each picture, and the pictures that share a row of the table.

        The label is an empty text for pictures without one.

        Args:
            names: Path of each picture in its folder. The table may have this path, its end, a
                longer path that ends in it, or the name without its ending. What the table labels
                in two ways, such as the same name in two folders, gives no label.
            folder: Name of the folder, with which the paths in the table may begin.
        """
        items = self.labels.items()
        by_stem = _unambiguous((_stem(file), label) for file, label in items)
        by_end = _unambiguous((end, label) for file, label in items for end in _ends(file))
        found = {name: self._label(name, folder, by_stem, by_end) for name in names}
        of_row = defaultdict[str, list[str]](list)
        for name, (label, row) in found.items():
            if label:
                of_row[row].append(name)
        shared = [pictures for pictures in of_row.values() if len(pictures) > 1]
        return {name: label for name, (label, _) in found.items()}, shared

    def _label(
        self, name: str, folder: str, by_stem: Mapping[str, str], by_end: Mapping[str, str]
    ) -> tuple[str, str]:
        """Return the label of a picture, and what its row has in common with the path."""
        whole = str(PurePosixPath(folder, name))
        ends = [name, whole, *_ends(name)[1:]]
        for end in ends:
            if end in self.labels:
                return self.labels[end], end
        if (found := by_end.get(whole) or by_end.get(name)) is not None:
            return found, name
        stem = next((_stem(end) for end in ends if by_stem.get(_stem(end))), "")
        return by_stem.get(stem, ""), stem


def find_label_tables(files: Sequence[PictureFile]) -> list[PictureFile]:
    """Return those CSV files that have a column of files and one of labels."""
    found = []
    for file in files:
        if file.name.suffix.lower() == ".csv":
            with suppress(UserError), reading(file.path):  # otherwise it is listed as unreadable
                if label_columns(_read(file, n_rows=1)) is not None:
                    found.append(file)
    return found


def _read(file: PictureFile, *, n_rows: int | None = None) -> "pd.DataFrame":
    """Return the first rows of a CSV file, or all, as texts."""
    import pandas as pd  # slow, and folders without tables do without

    separator = separator_in(file.read(MAX_LINE))
    table = in_its_encoding(
        lambda encoding: pd.read_csv(
            file.open(),
            sep=separator,
            encoding=encoding,
            nrows=n_rows,
            dtype=str,
            keep_default_na=False,
        )
    )
    # Names of rows are numbers, names of files are not.
    is_shifted = ends_in_separator(table) and not pd.api.types.is_numeric_dtype(table.index)
    return as_named(table) if is_shifted else table


def label_columns(table: "pd.DataFrame") -> tuple[str, str] | None:
    """Return the names of the columns of files and labels, or None.

    Tables with a column `cluster` are those of clusterings, and their classes no labels.
    """
    known = {str(name).strip().lower().replace(" ", "_"): name for name in table.columns}
    files = [known[name] for name in FILES if name in known]
    labels = [known[name] for name in LABELS if name in known]
    return (files[0], labels[0]) if files and labels and "cluster" not in known else None


def _unambiguous(labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return key to label, or to an empty text where a key has several."""
    found = dict[str, str]()
    for key, label in labels:
        if found.setdefault(key, label) != label:
            found[key] = ""
    return found


def _ends(name: str) -> list[str]:
    """Return a path, and the paths that remain without its first names."""
    parts = PurePosixPath(name).parts
    return [str(PurePosixPath(*parts[n:])) for n in range(len(parts))]


def _stem(name: str) -> str:
    """Return a path without the ending of a picture."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in PICTURES else name
