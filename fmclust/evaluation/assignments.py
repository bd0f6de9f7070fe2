"""assignments.csv: the cluster of every image by every clusterer."""

import csv
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmclust import runs
from fmclust.evaluation.results import Evaluation

MAX_RESPONSIBILITIES = 100  # columns; with more clusters only `probability` is written


def write_assignments(directory: Path, made: Evaluation) -> None:
    """Write one row per clusterer, split and image; unknown values are empty cells.

    Columns: `clusterer`, `split`, `index` of the image in the split, `cluster`, `class` and
    `class_name`, `matched_class` and `matched_class_name`, `probability` of the cluster by a
    mixture, `propagated` (1 where the cluster is that of the nearest fitted latents), `image` (the
    name of its file) and, for mixtures, `responsibility_0` and so on.

    The csv module is used since it takes half the time of pandas.

    Args:
        directory: The run directory, or that of a later clustering.
        made: At least one clustering, and the labels.
    """
    k = max((c.n_clusters for c in made.clusterings.values() if c.responsibilities), default=0)
    k = k if k <= MAX_RESPONSIBILITIES else 0
    path = directory / runs.ASSIGNMENTS
    with runs.replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for name, clustering in made.clusterings.items():
            for split in clustering.clusters:
                columns = _columns(made, name, split, k)
                if file.tell() == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=False))  # repeat() has no end


def _columns(made: Evaluation, name: str, split: str, k: int) -> dict[str, Iterable[object]]:
    """Return column name to values; a value that is the same in every row repeats without end."""
    clustering, matching = made.clusterings[name], made.matching(name, split)
    held, clusters = made.source.splits[split], clustering.clusters[split].tolist()
    classes = None if held.labels is None else held.labels.tolist()
    soft, propagated = clustering.responsibilities.get(split), clustering.propagated.get(split)
    columns = iter([] if soft is None else map(_formatted, soft.T))
    matched_names = {cluster: made.class_names[cls] for cluster, cls in matching.items()}
    empty = repeat("")
    return {
        "clusterer": repeat(name),
        "split": repeat(split),
        "index": range(len(clusters)),
        "cluster": clusters,
        "class": empty if classes is None else ["" if cls < 0 else cls for cls in classes],
        "class_name": made.class_name_of_each(split) or empty,
        "matched_class": [matching.get(cluster, "") for cluster in clusters],
        "matched_class_name": [matched_names.get(cluster, "") for cluster in clusters],
        "probability": empty if soft is None else _formatted(soft.max(axis=1)),
        "propagated": repeat(0) if propagated is None else propagated.astype(int).tolist(),
        "image": held.names or empty,
        **{f"responsibility_{i}": next(columns, empty) for i in range(k)},
    }


def _formatted(values: NDArray[np.floating]) -> Iterable[str]:
    return map("{:.6f}".format, values.tolist())
