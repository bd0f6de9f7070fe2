"""Reading a run directory back; nothing in it is believed more than it must be."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, blaming
from fmclust.runs.files import read_json
from fmclust.runs.layout import CLUSTERINGS
from fmclust.runs.manifest import verified


def read_status(directory: Path) -> dict[str, Any] | None:
    """Returns what status.json says; None if there is no such run."""
    return read_json(directory / "status.json")


def find_runs(key: str, pattern: str) -> list[Path]:
    """Returns the run directories that a path or a pattern names, finished or not, sorted.

    Args:
        key: The name as one types it, for an error.
        pattern: A directory, or a pattern such as `outputs/sweeps/*/*/*`.

    Raises:
        UserError: If there is none.
    """
    exists = Path(pattern).exists()  # its name may hold brackets
    paths = [pattern] if exists else sorted(glob(pattern, recursive=True))
    found = [Path(os.path.abspath(path)) for path in paths]
    runs = [
        path
        for path in found
        if (path / "status.json").exists() and path.parent.name != CLUSTERINGS
    ]
    if not runs:
        raise UserError(f"{key}={pattern} is no run directory: type {key}=<a run's directory>.")
    return runs


def read_metrics(directory: Path) -> dict[str, float]:
    """Returns metrics.json; empty if the run did not get that far."""
    return read_json(verified(directory, "metrics.json")) or {}


def read_overrides(directory: Path) -> list[str]:
    """Returns what was typed to start the run."""
    path = verified(directory, "overrides.yaml")
    if not path.exists():
        return []
    with blaming(path):
        return yaml.safe_load(path.read_text(encoding="utf-8")) or []


def read_latents(directory: Path) -> dict[str, np.ndarray]:
    """Returns split to latents, float32 arrays of shape (N, d).

    Raises:
        UserError: If the run has none.
    """
    return _arrays(directory, "latents.npz", "type run=<the directory of a finished run>.")


def read_assignments(directory: Path, clusterer: str) -> dict[str, np.ndarray]:
    """Returns split to cluster ids, int64 of shape (N,).

    Args:
        directory: A finished run's.
        clusterer: Whose clusters.
    """
    return _column(directory, "cluster", clusterer)


def read_classes(directory: Path) -> dict[str, np.ndarray]:
    """Returns split to classes, int64 of shape (N,), of a finished run; of those with labels."""
    return _column(directory, "class")


def clustered_in(directory: Path, *, first: Sequence[str] = ()) -> dict[str, Path]:
    """Returns the name of each finished clustering of a run, and the folder it lies in.

    Args:
        directory: A finished run's.
        first: Names that come first; the others follow by name.
    """
    later = sorted((directory / CLUSTERINGS).glob("*"))
    done = [f for f in later if (read_status(f) or {}).get("status") == "done"]
    found = {
        path.stem: folder
        for folder in (directory, *done)
        for path in sorted((folder / "clusterers").glob("*.skops"))
    }
    return {name: found[name] for name in [*first, *found] if name in found}


def read_matching(directory: Path, clusterer: str) -> dict[int, int]:
    """Returns cluster id to class, as test is scored, or else all, val or train.

    Args:
        directory: What holds the assignments.csv of the clusterer.
        clusterer: Whose clusters.

    Returns:
        Empty without labels.
    """
    found: dict[str, dict[int, int]] = {}
    for name, split, cluster, cls in _rows(directory, "cluster", "matched_class"):
        if name == clusterer and cls:
            found.setdefault(split, {})[int(cluster)] = int(cls)
    return next((found[s] for s in ("test", "all", "val", "train") if s in found), {})


@dataclass(frozen=True)
class Assigned:
    """What assignments.csv says of one split by one clusterer.

    Attributes:
        clusters: int64 array of shape (N,).
        classes: int64 array of shape (N,); None without labels.
        probability: float array of shape (N,); None if the clusterer is no mixture.
    """

    clusters: np.ndarray
    classes: np.ndarray | None
    probability: np.ndarray | None


def read_assigned(directory: Path, clusterer: str, split: str) -> Assigned:
    """Reads one split of assignments.csv.

    Args:
        directory: What holds the file.
        clusterer: Whose clusters.
        split: Of which images.
    """
    rows = _rows(directory, "cluster", "class", "probability")
    texts = zip(*(row[2:] for row in rows if row[:2] == [clusterer, split]), strict=True)
    clusters, classes, probability = (
        np.array(texts, dtype) if all(texts) else None
        for texts, dtype in zip(texts, (np.int64, np.int64, np.float64), strict=True)
    )
    assert clusters is not None
    return Assigned(clusters, classes, probability)


def read_thumbnails(directory: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of thumbnails.npz, see `evaluation/thumbnails.py`.

    Raises:
        UserError: If there are none.
    """
    return _arrays(directory, "thumbnails.npz", "type runs=<finished runs of this fmclust>.")


def _arrays(directory: Path, name: str, cure: str) -> dict[str, np.ndarray]:
    path = verified(directory, name)
    if not path.exists():
        raise UserError(f"{path} is missing: {cure}")
    with blaming(path), np.load(path, allow_pickle=False) as kept:
        return dict(kept)


def read_losses(directory: Path) -> dict[str, list[float]]:
    """Returns `loss/train` and `loss/val` to a value for every epoch; empty without a network."""
    path = verified(directory, "losses.csv")
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else ()) if name != "epoch"]
    return {name: [float(row[name]) for row in rows] for name in names}


def _column(directory: Path, column: str, clusterer: str | None = None) -> dict[str, np.ndarray]:
    """Reads what assignments.csv says by one clusterer, or by its first."""
    found: dict[str, list[int]] = {}
    for name, split, number in _rows(directory, column):
        clusterer = clusterer or name
        if name == clusterer and number:
            found.setdefault(split, []).append(int(number))
    return {split: np.array(ids, np.int64) for split, ids in found.items()}


def _rows(directory: Path, *columns: str) -> Iterator[list[str]]:
    """Yields clusterer, split and these columns of every row of assignments.csv."""
    with verified(directory, "assignments.csv").open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        places = [*map(next(table).index, ("clusterer", "split", *columns))]
        for row in table:
            yield [row[place] for place in places]


def read_config(directory: Path) -> DictConfig:
    """Returns the configuration of a run.

    Raises:
        UserError: If there is none, or if it holds interpolations: those could read the
            environment, so a saved configuration has none.
    """
    path = verified(directory, "config.yaml")
    if not path.exists():
        raise UserError(f"{directory} is no run directory: it has no config.yaml.")
    with blaming(path):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if any("${" in text for text in _texts(config)):
        raise UserError(f"{path} is refused: it holds an interpolation (${{...}}).")
    return OmegaConf.create(config)


def _texts(node: Any) -> Iterator[str]:
    """Every key and value that is text, as YAML reads it: escapes hide nothing."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node
