"""Pictures as rows of a Spark table: files on disk, files that Spark lists, cells of Parquet."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from fmclust.data.kinds import has_suffix
from fmclust.data.listing import left_out
from fmclust.data.opening import printable
from fmclust.data.parquet import IMAGES
from fmclust.data.picture_files import MAX_MEMBER, PictureFile, is_archive
from fmclust.data.readers import list_pictures
from fmclust.errors import UserError
from fmclust.spark.paths import open_parquet, path_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# A row is a picture: its name, the end of the name of its file (empty for a cell of Parquet), and
# where it is read, as in `PictureFile`, or else the reason why it can't be read.
SCHEMA = "image string, suffix string, path binary, member string, content binary, error string"
FILES_PER_TASK = 512  # pictures on disk
TASKS_PER_CORE = 4  # for Parquet files that Spark would read in fewer tasks
TOO_LARGE = f"more than {MAX_MEMBER:,} bytes are too many for a picture"


def open_rows(
    session: "SparkSession",
    where: str,
    *,
    exclude: Sequence[str] = (),
    id_column: str | None = None,
) -> "DataFrame":
    """Return a table with a row for each picture, see `SCHEMA`.

    Args:
        session: Spark.
        where: A folder, an archive or a picture on this machine and all workers; a Parquet file
            or a folder of some, with a column of pictures; or any URI or pattern that Spark reads.
        exclude: Patterns of files to leave out; see `list_files`.
        id_column: Column of a Parquet file that names the images; None names them by their rows.

    Raises:
        UserError: If there is nothing to read, or a Parquet file has no column of pictures.
    """
    if (path := path_of("input", where)) is not None:
        is_parquet = _is_parquet(path.rglob("*") if path.is_dir() else [path])
        rows = None if is_parquet else _on_disk(session, path, exclude)
    else:
        listed = _listed(session, where)
        is_parquet = _is_parquet(PurePath(row.path) for row in listed.select("path").take(1))
        rows = None if is_parquet else _in_store(session, listed, where, exclude)
    if rows is not None:
        if id_column is not None:
            raise UserError(
                f"spark.id={id_column} names the images of Parquet files, and {where} holds none: "
                "type spark.id=null."
            )
        return rows
    return _in_parquet(session, where, id_column)


def _is_parquet(paths: Iterable[PurePath]) -> bool:
    return any(path.suffix.lower() == ".parquet" for path in paths)


def _on_disk(session: "SparkSession", path: Path, exclude: Sequence[str]) -> "DataFrame":
    """Return pictures that are opened by the workers, as `engine=local` opens and names them."""
    if path.is_dir() or is_archive(path):
        found = list_pictures(path, exclude)
        files, unreadable = found.files, found.unreadable
    elif has_suffix(path, "arrays") or has_suffix(path, "table"):
        raise UserError(
            f"input={path}: engine=spark reads pictures and Parquet files: type engine=local."
        )
    else:
        files, unreadable = [PictureFile.of(path)], {}
    rows: list[tuple[str, str, bytes | None, str, None, str | None]] = [
        (printable(f.name.as_posix()), f.name.suffix, os.fsencode(f.path), f.member, None, None)
        for f in files
    ]
    rows += [(printable(n.as_posix()), "", None, "", None, why) for n, why in unreadable.items()]
    context = session.sparkContext
    n_tasks = max(context.defaultParallelism, len(rows) // FILES_PER_TASK)
    return session.createDataFrame(context.parallelize(rows, n_tasks), SCHEMA, verifySchema=False)


def _listed(session: "SparkSession", where: str) -> "DataFrame":
    return session.read.format("binaryFile").option("recursiveFileLookup", True).load(where)


def _in_store(
    session: "SparkSession", listed: "DataFrame", where: str, exclude: Sequence[str]
) -> "DataFrame":
    """Return pictures that Spark reads; in a folder they are named relative to it."""
    from pyspark.sql import functions as f

    root = re.sub(r"^file:/+", "file:/", where).rstrip("/") + "/"
    name = f.when(f.startswith("path", f.lit(root)), f.expr(f"substring(path, {len(root) + 1})"))
    named = listed.withColumn("image", f.coalesce(name, "path"))
    excluded = left_out([PurePath(row.image) for row in named.select("image").collect()], exclude)
    if excluded:
        names = session.createDataFrame([(str(name),) for name in excluded], "image string")
        named = named.join(f.broadcast(names), "image", "left_anti")
    # The content of large files is not selected, so that Spark does not read it.
    small, large = (named.filter(f.expr(f"length {sign} {MAX_MEMBER}")) for sign in ("<=", ">"))
    suffix = f.regexp_extract("path", r"\.[^./]*$", 0)
    return _rows(small, f.col("content"), suffix).union(_rows(large, f.lit(None), suffix))


def _in_parquet(session: "SparkSession", where: str, id_column: str | None) -> "DataFrame":
    """Return the pictures of Parquet files, named by their rows as `engine=local` names them."""
    from pyspark.sql import functions as f

    table = open_parquet(session, where)
    content = f.coalesce(_content(table, where), f.lit(b""))
    if id_column is not None and id_column not in table.columns:
        raise UserError(
            f"spark.id={id_column} is no column of {where}: type spark.id= with one of "
            f"{', '.join(table.columns)}."
        )
    if id_column is not None:
        name = f.col(f"`{id_column}`").cast("string")
    elif len(table.inputFiles()) > 1:
        name = f.concat_ws(": ", "_metadata.file_name", f.col("_metadata.row_index").cast("string"))
    else:
        name = f.col("_metadata.row_index").cast("string")
    is_small = f.length(content) <= MAX_MEMBER
    named = table.select(
        f.coalesce(name, f.lit("")).alias("image"), f.when(is_small, content).alias("content")
    )
    rows = _rows(named, f.col("content"), f.lit(""))
    tasks, parallelism = rows.rdd.getNumPartitions(), session.sparkContext.defaultParallelism
    if tasks < TASKS_PER_CORE * parallelism:  # a file may also be one group of rows, one task
        rows = rows.repartition(TASKS_PER_CORE * parallelism, "image")
    return rows


def _content(table: "DataFrame", where: str) -> "Column":
    """Return the column of pictures: of bytes, or of structures with bytes."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import BinaryType, StructType

    found = {}
    for column in table.schema.fields:
        kind, name = column.dataType, f"`{column.name}`"
        if isinstance(kind, StructType) and "bytes" in kind.names:
            kind, name = kind["bytes"].dataType, f"{name}.bytes"
        if isinstance(kind, BinaryType):
            found[column.name] = f.col(name)
    if not found:
        columns = ", ".join(f"{c.name} {c.dataType.simpleString()}" for c in table.schema.fields)
        raise UserError(
            f"input={where} has no column of pictures, bytes as Hugging Face has them, but "
            f"{columns[:200]}: type input=<another Parquet file>."
        )
    preferred = next((name for name in found if name.lower() in IMAGES), next(iter(found)))
    return found[preferred]


def _rows(named: "DataFrame", content: "Column", suffix: "Column") -> "DataFrame":
    """Return the rows of pictures whose content Spark has read; without content, too large ones."""
    from pyspark.sql import functions as f

    return named.select(
        "image",
        suffix.alias("suffix"),
        f.lit(None).cast("binary").alias("path"),
        f.lit("").alias("member"),
        content.cast("binary").alias("content"),
        f.when(content.isNull(), f.lit(TOO_LARGE)).alias("error"),
    )
