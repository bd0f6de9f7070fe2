"""Assign the pictures of a Spark table to the clusters of a run, in Spark's workers."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fmclust.data import PictureFile, Range
from fmclust.data.arrays import joined
from fmclust.data.scales import unseen
from fmclust.errors import UserError
from fmclust.inference import LoadedRun
from fmclust.inference.assigning import Assignment
from fmclust.inference.tables import COLUMNS, INTEGERS, TEXTS, to_arrow, to_table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import Broadcast
    from pyspark.sql import DataFrame, SparkSession

KINDS = dict.fromkeys(TEXTS, "string") | dict.fromkeys(INTEGERS, "bigint")  # the others: double
SCHEMA = ", ".join(
    [*(f"{name} {KINDS.get(name, 'double')}" for name in COLUMNS), "latents array<float>"]
)


@dataclass(frozen=True)
class Notes:
    """What is noticed about pictures while they are assigned.

    Attributes:
        ranges: Pixel type that the run has not seen, to the range of all its pictures.
        n_cut: Number of JPEG files whose end is missing.
        n_other_background: Number of pictures with the opposite background.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)
    n_cut: int = 0
    n_other_background: int = 0

    def warnings(self) -> list[str]:
        """Return what the user has to know, as sentences."""
        not_seen = [unseen(kind, limits) for kind, limits in sorted(self.ranges.items())]
        cut = f"JPEG files without their end, read as far as they go: {self.n_cut:,}"
        return [*not_seen, *([cut] if self.n_cut else [])]

    def __add__(self, other: "Notes") -> "Notes":
        ranges = dict(self.ranges)
        for kind, limits in other.ranges.items():
            ranges[kind] = joined([ranges.get(kind, limits), limits])
        return Notes(
            ranges,
            self.n_cut + other.n_cut,
            self.n_other_background + other.n_other_background,
        )


class Adding:
    """How Spark adds up notes; a task that is repeated is counted twice."""

    def zero(self, value: Notes) -> Notes:  # noqa: ARG002 # Spark's argument
        """Return nothing noticed."""
        return Notes()

    def addInPlace(self, one: Notes, other: Notes) -> Notes:  # noqa: N802 # Spark's name
        """Return the sum."""
        return one + other


@dataclass(frozen=True)
class Assigner:
    """Assigns batches of pictures; sent to the workers once.

    Attributes:
        run: The run, its encoder on the CPU.
        clusterer: One of the run's clusterers.
        invert: Whether to swap dark and light.
        ranges: Pixel type to range, for types that the run has not seen.
    """

    run: LoadedRun
    clusterer: str
    invert: bool
    ranges: Mapping[str, Range] = field(default_factory=dict)

    @classmethod
    def of(cls, run: LoadedRun, clusterer: str, *, invert: bool) -> "Assigner":
        """Read the clusterer of a run, and move the encoder to the CPU, for the workers."""
        run.encoder.cpu()
        run.matching(clusterer)
        return cls(run, clusterer, invert)

    def assign(
        self, batch: "pa.RecordBatch", note: Callable[[Notes], None]
    ) -> "Iterator[pa.Table]":
        """Yield the rows of `SCHEMA` of some rows of `pictures.SCHEMA`.

        Args:
            batch: The pictures.
            note: Called with what is noticed.
        """
        rows = batch.to_pylist()
        failed = [row for row in rows if row["error"] is not None]
        reasons = {n: row["error"] for n, row in enumerate(failed)}
        yield _table([row["image"] for row in failed], reasons, None, self.run)
        files = [_picture_file(n, row) for n, row in enumerate(rows) if row["error"] is None]
        opened = self.run.open_pictures(files, self.ranges)
        for read in opened.batches:
            names = [_image(name, rows) for name in read.names]
            images = 255 - read.images if self.invert else read.images
            assigned = self.run.assign(images, self.clusterer) if len(images) else None
            yield _table(names, read.reasons, assigned, self.run)
            if len(images) and self.run.has_other_background(images):
                note(Notes(n_other_background=len(images)))
        note(Notes(_limits(opened.scales.found), len(opened.cut)))


def count_rows(session: "SparkSession", output: str) -> tuple[Counter[int], int, Counter[str]]:
    """Return the numbers of images that were written.

    Returns:
        Cluster id to number of images, the number of images that are far, and reason to number of
        unreadable images.
    """
    from pyspark.sql import functions as f

    counted = session.read.parquet(output).groupBy("cluster", "error")
    rows = counted.agg(f.count("*").alias("n"), f.sum("far").alias("far")).collect()
    sizes, reasons = Counter[int](), Counter[str]()
    for row in rows:
        if row.cluster is None:
            reasons[row.error] += row.n
        else:
            sizes[row.cluster] += row.n
    return sizes, sum(row.far or 0 for row in rows), reasons


def already_there(output: str) -> UserError:
    """Return the error of an output that exists."""
    return UserError(f"output={output} exists already: type output=<a new folder>.")


def assign_rows(rows: "DataFrame", assigner: Assigner, output: str) -> Notes:
    """Assign pictures and write them as Parquet; return what was noticed.

    If there are pictures of a pixel type that the run has not seen, their range is known at the end
    only: then all are assigned again by this range.

    Args:
        rows: Table of `pictures.SCHEMA`.
        assigner: Assigns them.
        output: Where Spark writes; it must not exist.

    Raises:
        UserError: If it does.
    """
    from pyspark.errors import AnalysisException

    try:
        notes = _written(rows, assigner, output, mode="errorifexists")
    except AnalysisException as error:
        if error.getCondition() != "PATH_ALREADY_EXISTS":
            raise
        raise already_there(output) from error
    if notes.ranges:
        again = replace(assigner, ranges=notes.ranges)
        notes = replace(_written(rows, again, output, mode="overwrite"), ranges=notes.ranges)
    return notes


def _written(rows: "DataFrame", assigner: Assigner, output: str, *, mode: str) -> Notes:
    context = rows.sparkSession.sparkContext
    sent, noticed = context.broadcast(assigner), context.accumulator(Notes(), cast(Any, Adding()))
    function = partial(_assign_batches, sent, noticed)
    rows.mapInArrow(function, SCHEMA).write.mode(mode).parquet(output)
    sent.destroy()
    found: Notes = noticed.value
    return found


def _assign_batches(
    sent: "Broadcast[Assigner]", noticed: Any, batches: "Iterator[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    """Assign batches in a worker, which unpickles the run once and keeps it."""
    import torch

    torch.set_num_threads(1)  # Spark runs a task on each core
    for batch in batches:
        for table in sent.value.assign(batch, noticed.add):
            yield from table.to_batches()


def _picture_file(number: int, row: Mapping[str, Any]) -> PictureFile:
    """Return a picture, named by the number of its row: any text may name an image."""
    path = Path() if row["path"] is None else Path(os.fsdecode(row["path"]))
    name = PurePath(f"{number}{row['suffix']}")
    return PictureFile(name, path, row["member"], content=row["content"])


def _image(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of an image by that of its file, which may have the number of a page."""
    number, _, page = PurePath(name).stem.partition("[")
    row = rows[int(number)]
    image, suffix = str(row["image"]), row["suffix"]
    return f"{image.removesuffix(suffix)}[{page}{suffix}" if page else image


def _limits(found: Mapping[str, Mapping[PurePath, Range]]) -> dict[str, Range]:
    """Return pixel type to the range over all files whose range was found."""
    return {kind: joined(of_files.values()) for kind, of_files in found.items() if of_files}


def _table(
    names: Sequence[str],
    reasons: Mapping[int, str],
    assigned: Assignment | None,
    run: LoadedRun,
) -> "pa.Table":
    """Return the rows of some pictures: those of `engine=local`, and the latents."""
    import pyarrow as pa

    table = to_arrow(to_table(names, reasons, assigned, run.class_names))
    is_known = np.array([row not in reasons for row in range(len(names))], bool)
    found = np.empty((0, 0), np.float32) if assigned is None else assigned.latents
    ends = np.concatenate([[0], np.cumsum(is_known * found.shape[1])]).astype(np.int32)
    latents = pa.ListArray.from_arrays(ends, found.ravel(), mask=pa.array(~is_known))
    return table.append_column("latents", latents)
