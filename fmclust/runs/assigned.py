"""Read assignments.csv of a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmclust.errors import reading
from fmclust.runs.layout import ASSIGNMENTS
from fmclust.runs.manifest import verified

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Assigned:
    """Content of assignments.csv for one split and one clusterer.

    Attributes:
        clusters: int64 array of shape (N,).
        classes: int64 array of shape (N,), -1 for images without a label; None without labels.
        probability: float array of shape (N,); None if the clusterer is not a mixture.
    """

    clusters: NDArray[np.int64]
    classes: NDArray[np.int64] | None
    probability: NDArray[np.float64] | None


def read_assigned(directory: Path, clusterer: str) -> dict[str, Assigned]:
    """Return split to the assignments of a clusterer.

    Args:
        directory: Directory with the assignments.csv of the clusterer.
        clusterer: Name of the clusterer.

    Raises:
        UserError: If the file is damaged.
    """
    table = _read(directory, "cluster", "class", "probability")
    with reading(directory / ASSIGNMENTS):
        rows = table[table["clusterer"] == clusterer].groupby("split", sort=False)
        return {str(split): _assigned(of_split) for split, of_split in rows}


def read_assignments(directory: Path, clusterer: str) -> dict[str, NDArray[np.int64]]:
    """Return split to cluster ids, int64 of shape (N,); see `read_assigned`."""
    return {s: found.clusters for s, found in read_assigned(directory, clusterer).items()}


def read_classes(directory: Path) -> dict[str, NDArray[np.int64]]:
    """Return split to classes for the splits with labels; see `Assigned.classes`."""
    table = _read(directory, "class")
    rows = table[table["clusterer"] == table["clusterer"].iloc[0]] if len(table) else table
    found = {str(split): _classes(of) for split, of in rows.groupby("split", sort=False)}
    return {split: classes for split, classes in found.items() if classes is not None}


def _assigned(table: "pd.DataFrame") -> Assigned:
    known = table["probability"].notna().all()
    return Assigned(
        table["cluster"].to_numpy(np.int64),
        _classes(table),
        table["probability"].to_numpy(np.float64) if known else None,
    )


def _classes(table: "pd.DataFrame") -> NDArray[np.int64] | None:
    classes = table["class"]
    return classes.fillna(-1).to_numpy(np.int64) if classes.notna().any() else None


def _read(directory: Path, *columns: str) -> "pd.DataFrame":
    import pandas as pd  # takes 0.4 s, and reading other files does not need it

    path = verified(directory, ASSIGNMENTS)
    with reading(path):
        names = dict.fromkeys(columns, np.float64) | {"clusterer": str, "split": str}
        return pd.read_csv(
            path, usecols=list(names), dtype=names, keep_default_na=False, na_values=[""]
        )
