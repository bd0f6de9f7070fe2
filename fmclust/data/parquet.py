"""Images in Parquet files, as Hugging Face has them: a column of encoded pictures, or of lists."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fmclust.data.forms import MAX_SIDE
from fmclust.data.labels import text_of
from fmclust.data.opening import opened
from fmclust.data.picture_files import PictureFile
from fmclust.errors import UserError, reading, require_extra

if TYPE_CHECKING:
    import pandas as pd

IMAGES = ("image", "img", "picture", "pixels", "pixel_values")  # names of columns, preferred
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


@dataclass
class ListedImages:
    """The images of a Parquet file that has a list of pixels for each, flat or nested.

    Attributes:
        values: Array of shape (N, pixels), (N, H, W), (N, H, W, C) or (N, C, H, W).
        labels: Array of shape (N,), numbers or texts; None without a column of labels.
    """

    values: NDArray[Any]
    labels: NDArray[Any] | None


def read_parquet(path: Path) -> "EncodedPictures | ListedImages | pd.DataFrame":
    """Read a Parquet file.

    Args:
        path: The file. Its images are in a column of bytes, of `bytes` and `path`, or of lists.

    Returns:
        The images; the whole table if it has no such column.

    Raises:
        UserError: If the extra `parquet` is missing, or the file is damaged or too large.
    """
    require_extra(str(path), "parquet", "pyarrow")
    from pyarrow import parquet

    with reading(path):
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
        encoded = [name for name in schema.names if _holds_bytes(schema.field(name).type)]
        listed = [name for name in schema.names if _holds_pixels(schema.field(name))]
        label = next((name for name in schema.names if name.lower() in LABELS), None)
        used, column = schema.names, ""
        if encoded or listed:
            column = _column_of_images(encoded, listed)
            used = [column, *([label] if label else [])]
        needed = _size_in_memory(file.metadata, used)
        if needed > psutil.virtual_memory().available // 2:
            raise ValueError(f"its columns need {needed / 1e9:.1f} GB of memory")
        held = file.read(columns=used)
        if not column:
            table: pd.DataFrame = held.to_pandas()
            return table
        labels = None
        if label is not None:
            labels = _named(held.column(label).to_pandas(), _class_names(schema, label))
        if column in listed:
            return ListedImages(_unlisted(held.column(column)), labels)
        contents = held.column(column).to_pylist()
    files = [
        PictureFile(PurePath(str(row)), path, content=_bytes_of(content))
        for row, content in enumerate(contents)
    ]
    return EncodedPictures(files, labels)


def _size_in_memory(metadata: Any, columns: Sequence[str]) -> int:
    """Return the bytes that columns need at least, once their values are decoded."""
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    chunks = [group.column(n) for group in groups for n in range(group.num_columns)]
    return sum(
        max(chunk.total_uncompressed_size, chunk.num_values)
        for chunk in chunks
        if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in columns)
    )


def _column_of_images(encoded: Sequence[str], listed: Sequence[str]) -> str:
    """Return the column that is named as one of images, or the only one.

    Args:
        encoded: Columns of bytes.
        listed: Columns of lists, which may hold boxes or masks if there are columns of bytes.

    Raises:
        ValueError: If there are several, and none has such a name.
    """
    named = [name for name in (*encoded, *listed) if name.lower() in IMAGES]
    columns = named or encoded or listed
    if not named and len(columns) > 1:
        each = " and ".join(columns)
        raise ValueError(f"{each} may each hold the images: rename the one that does to image")
    return columns[0]


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


def _holds_bytes(kind: Any) -> bool:
    """Return whether a type is bytes, or a structure with a field `bytes`."""
    from pyarrow import types

    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _holds_pixels(column: Any) -> bool:
    """Return whether a column has nested lists of numbers, or flat ones and a name for images."""
    from pyarrow import types

    kind, depth = column.type, 0
    while _is_list(kind):
        kind, depth = kind.value_type, depth + 1
    least = 1 if column.name.lower() in IMAGES else 2  # latents are flat lists
    return depth >= least and bool(types.is_integer(kind) or types.is_floating(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _unlisted(column: Any) -> NDArray[Any]:
    """Return a column of lists as an array.

    Raises:
        ValueError: If lists are missing or differ in length.
    """
    from pyarrow import compute

    values, shape = column.combine_chunks(), [len(column)]
    while _is_list(values.type):
        lengths = compute.unique(compute.list_value_length(values)).to_pylist()
        if None in lengths:
            raise ValueError("images are missing in some rows: remove these rows")
        if len(lengths) > 1:
            raise ValueError("its images have lists of several lengths: save images of one size")
        shape += lengths
        values = values.flatten()
    if values.null_count:
        raise ValueError("pixels are missing")
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array.reshape(shape)


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
    texts = column.map(text_of)
    return texts.where(column.notna(), "").to_numpy(str)
