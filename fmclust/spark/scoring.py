"""Count the rows of a Spark table by cluster and label."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fmclust.errors import UserError
from fmclust.inference.assigning import Clusterer
from fmclust.metrics import Confusion
from fmclust.spark.latents import COLUMN, Rows, to_array

if TYPE_CHECKING:
    import pyarrow as pa

MAX_LABELS = 10_000  # distinct ones; a column with more is one of names


@dataclass(frozen=True)
class Counts:
    """The rows of a table, counted.

    Attributes:
        sizes: Cluster id to number of rows.
        confusion: Labels against clusters; None without labels.
        class_ids: Label to class of the run; empty if the labels are not the classes of the run.
    """

    sizes: Counter[int]
    confusion: Confusion | None
    class_ids: dict[str, int]


def count_rows(
    rows: Rows, clusterer: Clusterer, n_clusters: int, class_names: Sequence[str]
) -> Counts:
    """Assign all rows to clusters, and count them.

    Args:
        rows: The latents.
        clusterer: The fitted clusterer.
        n_clusters: Number of its clusters.
        class_names: A name for every class of the run; empty without labels.

    Raises:
        UserError: If there are too many labels.
    """
    has_labels = "label" in rows.table.columns
    function = partial(_assign_batches, clusterer, rows.d)
    schema = "cluster bigint, label string" if has_labels else "cluster bigint"
    assigned = rows.table.mapInArrow(function, schema)
    found = assigned.groupBy(*assigned.columns).count()
    counted = found.limit(n_clusters * MAX_LABELS + 1).collect()
    sizes = Counter[int]()
    for row in counted:
        sizes[row.cluster] += row["count"]
    if not has_labels:
        return Counts(sizes, None, {})
    labels = sorted({row.label for row in counted if row.label is not None}, key=_in_order)
    if len(labels) > MAX_LABELS:
        raise UserError(
            f"labels= names a column of more than {MAX_LABELS:,} different labels: type "
            "labels=<a column of classes>."
        )
    ids = classes_of(labels, class_names)
    numbers = ids or {label: number for number, label in enumerate(labels)}
    raw = np.zeros((max(len(class_names) if ids else len(labels), 1), n_clusters), np.int64)
    for row in counted:
        if row.label is not None:
            raw[numbers[row.label], row.cluster] += row["count"]
    return Counts(sizes, Confusion.of(raw, n_clusters), ids)


def classes_of(labels: Sequence[str], class_names: Sequence[str]) -> dict[str, int]:
    """Return label to class of a run, by name or number; empty if they are other classes."""
    known = {name: number for number, name in enumerate(class_names)}
    numbers = {str(number): number for number in known.values()}
    for names in (known, numbers):
        if labels and names.keys() >= {*labels}:
            return {label: names[label] for label in labels}
    return {}


def _in_order(label: str) -> tuple[int, str]:
    """Sort numbers by value, as they are as long as they are large."""
    return len(label) if label.isdigit() else 0, label


def _assign_batches(
    clusterer: Clusterer, d: int, batches: "Iterator[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    """Replace the latents by their clusters, in a worker."""
    import pyarrow as pa

    for batch in batches:
        if len(batch):
            clusters = pa.array(clusterer.find(to_array(batch, d)).clusters)
            others = [name for name in batch.schema.names if name != COLUMN]
            columns = [clusters, *(batch.column(name) for name in others)]
            yield pa.RecordBatch.from_arrays(columns, names=["cluster", *others])
