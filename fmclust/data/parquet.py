"""Images in Parquet files, as Hugging Face has them: a column of encoded pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fmclust.data.forms import MAX_SIDE
from fmclust.data.opening import opened
from fmclust.data.picture_files import PictureFile
from fmclust.errors import UserError, reading, require_extra

if TYPE_CHECKING:
    import pandas as pd

IMAGES = ("image", "img", "picture")  # names of columns that are preferred
LABELS = ("label", "labels", "class", "target", "fine_label")  # names of columns


@dataclass
class EncodedPictures:
    """The pictures of a Parquet file.

    Attributes:
        files: The pictures, named by their rows.
        labels: Array of shape (N,), numbers or texts; None without a column of labels.
    """

    files: Sequence[PictureFile]
    labels: NDArray[Any] | None


def read_parquet(path: Path) -> "EncodedPictures | pd.DataFrame":
    """Read a Parquet file.

    Args:
        path: The file. Its pictures are in a column of bytes, or of `bytes` and `path`.

    Returns:
        The pictures; the whole table if it has no column of pictures.

    Raises:
        UserError: If the extra `parquet` is missing, or the file is damaged or too large.
    """
    require_extra(str(path), "parquet", "pyarrow")
    from pyarrow import parquet

    with reading(path):
        file = parquet.ParquetFile(path)
        groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
        needed = sum(group.total_byte_size for group in groups)
        if needed > psutil.virtual_memory().available // 2:
            raise ValueError(f"its columns need {needed / 1e9:.1f} GB of memory")
        schema = file.schema_arrow
        columns = [name for name in schema.names if _holds_bytes(schema.field(name))]
        if not columns:
            table: pd.DataFrame = file.read().to_pandas()
            return table
        column = next((name for name in columns if name.lower() in IMAGES), columns[0])
        label = next((name for name in schema.names if name.lower() in LABELS), None)
        held = file.read(columns=[column, *([label] if label else [])])
        contents = held.column(column).to_pylist()
        labels = None
        if label is not None:
            labels = _named(held.column(label).to_pandas(), _class_names(schema, label))
    files = [
        PictureFile(PurePath(str(row)), path, content=_bytes_of(content))
        for row, content in enumerate(contents)
    ]
    return EncodedPictures(files, labels)


def size_of_first(files: Sequence[PictureFile]) -> tuple[int, int]:
    """Return height and width of the first readable picture.

    Raises:
        UserError: If it is too large, or there is none.
    """
    for file in files:
        try:
            with opened(file) as picture:
                height, width = picture.height, picture.width
        except UserError:
            continue
        if max(height, width) <= MAX_SIDE:
            return height, width
        raise UserError(
            f"the first picture of {file.path} has {height}x{width} pixels, more than {MAX_SIDE} a "
            "side: type data.image_size=64, for example."
        )
    raise UserError(f"{files[0].path if files else 'the table'} holds no readable picture.")


def _holds_bytes(column: Any) -> bool:
    """Return whether a column has bytes, or a structure with a field `bytes`."""
    from pyarrow import types

    kind = column.type
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _bytes_of(content: Any) -> bytes:
    found = content.get("bytes") if isinstance(content, dict) else content
    return found or b""


def _class_names(schema: Any, label: str) -> list[str]:
    """Return the names of the classes in the metadata of Hugging Face, or an empty list."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (KeyError, TypeError, ValueError):
        return []


def _named(labels: "pd.Series[Any]", names: Sequence[str]) -> NDArray[Any]:
    """Return labels as the names of their classes, if they are indices into names."""
    if names and labels.dtype.kind in "iuf" and labels.max() < len(names):
        ids = labels.fillna(-1).to_numpy(np.int64)
        return np.array([*names, ""])[np.where(ids < 0, len(names), ids)]
    return label_values(labels)


def label_values(column: "pd.Series[Any]") -> NDArray[Any]:
    """Return labels as numbers, or as texts if a label is missing or text; "" is none."""
    if column.dtype.kind in "iufb" and column.notna().all():
        return column.to_numpy()
    texts = column.map(lambda label: f"{label:g}" if isinstance(label, float) else str(label))
    return texts.where(column.notna(), "").to_numpy(str)
