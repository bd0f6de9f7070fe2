"""Tables of assigned images, written batch after batch as CSV or Parquet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fmclust.data.opening import printable
from fmclust.inference.assigning import Assignment

if TYPE_CHECKING:
    import pyarrow as pa

Write = Callable[[pd.DataFrame], None]
COLUMNS = (
    "image",
    "cluster",
    "class",
    "class_name",
    "probability",
    "distance",
    "propagated",
    "far",
    "error",
)
INTEGERS = ("cluster", "class", "propagated", "far")
TEXTS = ("image", "class_name", "error")


def to_table(
    names: Sequence[str],
    reasons: Mapping[int, str],
    assigned: Assignment | None,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Return a table with a row for every image.

    Args:
        names: A name for every image.
        reasons: Row in `names` of each unreadable image to the error.
        assigned: The assignment of the readable images, in order; None if there are none.
        class_names: A name for every class; empty without labels.

    Returns:
        Data frame with `COLUMNS`; unknown values are missing.
    """
    table = pd.DataFrame()
    if assigned is not None:
        classes = pd.Series(assigned.classes)
        columns = {
            "cluster": assigned.clusters,
            "class": classes.mask(classes < 0),
            "class_name": classes.map(dict(enumerate(class_names))),
            "probability": assigned.probability,
            "distance": assigned.distance,
            "propagated": assigned.propagated,
            "far": assigned.far,
        }
        table = pd.DataFrame(columns).astype(dict.fromkeys(INTEGERS, "Int64"))
    rows = range(len(names))
    table.index = pd.Index([row for row in rows if row not in reasons])
    table = table.reindex(index=rows, columns=COLUMNS)
    # As objects: file names that are not UTF-8 can't be held in pandas' string type.
    table["image"] = pd.Series(names, dtype=object)
    table["error"] = pd.Series(reasons, dtype=object)
    return table


@contextmanager
def table_writer(path: Path) -> Iterator[Write]:
    """Yield a function that appends a table of `to_table` to a file.

    Args:
        path: The file; Parquet if its name ends in `.parquet`, otherwise CSV (RFC 4180).
    """
    if path.suffix.lower() == ".parquet":
        with _parquet_writer(path) as write:
            yield write
        return
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        yield lambda table: table.to_csv(
            file,
            header=file.tell() == 0,
            index=False,
            float_format="%.6g",
            lineterminator="\r\n",
        )


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    from pyarrow.parquet import ParquetWriter

    writer: Any = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        converted = to_arrow(table)
        writer = writer or ParquetWriter(path, converted.schema)
        writer.write_table(converted)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def to_arrow(table: pd.DataFrame) -> "pa.Table":
    """Return a table of `to_table` in the form of Parquet files; file names in valid UTF-8."""
    import pyarrow as pa

    def kind(name: str) -> pa.DataType:
        return pa.string() if name in TEXTS else pa.int64() if name in INTEGERS else pa.float64()

    schema = pa.schema([(name, kind(name)) for name in table.columns])
    texts = {name: table[name].map(printable, na_action="ignore") for name in TEXTS}
    return pa.Table.from_pandas(table.assign(**texts), schema, preserve_index=False)
