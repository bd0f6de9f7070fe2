"""Latents as rows of a Spark table: check them, and pass them to NumPy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from fmclust.errors import UserError
from fmclust.spark.paths import open_parquet, path_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

COLUMN = "latents"
MAX_VALUE = 1e18  # its square can be held in float32
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Rows:
    """Latents in a Spark table.

    Attributes:
        table: Table with the column `COLUMN`, arrays of d doubles, and `label`, text, if there are
            labels.
        n: Number of rows.
        d: Dimensions of a latent.
    """

    table: "DataFrame"
    n: int
    d: int


def open_latents(session: "SparkSession", where: str, labels: str | None = None) -> Rows:
    """Open and check a Parquet file of latents; rows without latents are left out.

    Args:
        session: Spark.
        where: What Spark reads as Parquet, such as the output of `assign` with `engine=spark`.
        labels: Column of the labels; None without labels.

    Raises:
        UserError: If it has no such columns, or the latents are not arrays of d finite numbers.
    """
    from pyspark.sql import functions as f
    from pyspark.sql.types import ArrayType, NumericType

    path_of("latents", where)
    table = open_parquet(session, where)
    kinds = {column.name: column.dataType for column in table.schema.fields}
    kind = kinds.get(COLUMN)
    if not (isinstance(kind, ArrayType) and isinstance(kind.elementType, NumericType)):
        found = ", ".join(f"{name} {of.simpleString()}" for name, of in kinds.items())
        raise UserError(
            f"latents={where} has no column {COLUMN} of lists of numbers, but {found[:200]}: type "
            "latents=<the output of assign with engine=spark>."
        )
    if labels is not None and labels not in kinds:
        names = ", ".join(kinds)
        raise UserError(
            f"labels={labels} is no column of {where}: type labels= with one of {names}."
        )
    columns = [f.col(COLUMN).cast("array<double>").alias(COLUMN)]
    columns += [] if labels is None else [f.col(f"`{labels}`").cast("string").alias("label")]
    known = table.select(*columns).filter(f.col(COLUMN).isNotNull())
    n, d, fault = _measured(known)
    if fault:
        raise UserError(
            f"latents={where} holds {fault}: type latents=<the output of assign with engine=spark>."
        )
    return Rows(known, n, d)


def _measured(table: "DataFrame") -> tuple[int, int, str]:
    """Return the number of latents, their dimensions, and what is wrong with them, if anything."""
    from pyspark.sql import functions as f

    is_bad = f"exists({COLUMN}, x -> x is null or isnan(x) or abs(x) > {MAX_VALUE})"
    found = table.agg(
        f.count("*").alias("n"),
        f.min(f.size(COLUMN)).alias("low"),
        f.max(f.size(COLUMN)).alias("high"),
        f.sum(f.expr(f"cast({is_bad} as bigint)")).alias("bad"),
    ).first()
    assert found is not None  # an aggregate has one row
    fault = ""
    if not found.n:
        fault = "no latents"
    elif found.bad:
        fault = (
            f"{found.bad:,} latents with values that are missing, not finite or above {MAX_VALUE:g}"
        )
    elif found.low != found.high or not found.low:
        fault = f"latents of {found.low} to {found.high} numbers"
    return found.n, found.low, fault


def to_array(batch: "pa.RecordBatch", d: int) -> Floats:
    """Return the latents of a batch: float64 array of shape (n, d)."""
    values: Floats = batch.column(COLUMN).flatten().to_numpy()
    return values.reshape(-1, d)


def to_batch(latents: Floats) -> "pa.RecordBatch":
    """Return an array of shape (n, d) as a batch with the column `COLUMN`."""
    import pyarrow as pa

    ends = np.arange(len(latents) + 1, dtype=np.int32) * latents.shape[1]
    lists = pa.ListArray.from_arrays(ends, latents.ravel())
    return pa.RecordBatch.from_arrays([lists], names=[COLUMN])


def transformed(rows: Rows, steps: BaseEstimator) -> Rows:
    """Return latents after a fitted transformer of scikit-learn, without their labels."""
    width = steps.transform(np.zeros((1, rows.d))).shape[1]
    function = partial(_transform_batches, steps, rows.d)
    table = rows.table.select(COLUMN).mapInArrow(function, f"{COLUMN} array<double>")
    return Rows(table, rows.n, width)


def reduced(rows: Rows, function: Callable[[Floats], Floats]) -> Floats:
    """Return the sum over all latents of a function of batches.

    The workers add up their batches, and Spark adds up their sums in a tree, so that the driver's
    memory does not grow with the number of tasks.

    Args:
        rows: The latents.
        function: Maps a float64 array of shape (n, d) to a float64 array of a fixed shape (m,).
    """
    packed = rows.table.select(COLUMN).mapInArrow(
        partial(_sum_batches, function, rows.d), "sums binary"
    )
    total: Floats = packed.rdd.map(lambda row: np.frombuffer(row.sums)).treeReduce(np.add)
    return total


# What runs in the workers.


def _transform_batches(
    steps: BaseEstimator, d: int, batches: "Iterator[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        if len(batch):
            yield to_batch(steps.transform(to_array(batch, d)))


def _sum_batches(
    function: Callable[[Floats], Floats], d: int, batches: "Iterator[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    found = [function(to_array(batch, d)) for batch in batches if len(batch)]
    if found:  # a task may have no rows
        yield pa.RecordBatch.from_pydict({"sums": [np.sum(found, axis=0).tobytes()]})
