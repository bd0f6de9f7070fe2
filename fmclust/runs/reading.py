"""Reading a run directory back; nothing in it is believed more than it must be."""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, blaming, refuse_bomb
from fmclust.runs.files import read_json
from fmclust.runs.layout import CLUSTERINGS
from fmclust.runs.manifest import STATUS, is_done, verified
from fmclust.trust import VARIABLE, own_packages

ASSIGNMENTS = "assignments.csv"
# What writes, and where it would write if a saved configuration from someone else could say so.
WRITING = ("callbacks", "logger", "trainer")
PLACE = re.compile(r"dir$|path$|ur[il]$|dir\.|path\.")
ELSEWHERE = re.compile(r"\.\.|\$|^[/~]")
LIGHTNING = "pytorch_lightning"
LOGGERS = ("fmclust.", f"{LIGHTNING}.loggers.CSVLogger", f"{LIGHTNING}.loggers.TensorBoardLogger")


def read_status(directory: Path) -> dict[str, Any] | None:
    """Returns what status.json says; None if there is no such run.

    Raises:
        UserError: If it is damaged; while a run goes on, nothing is compared.
    """
    path = directory / STATUS
    status = read_json(path)
    if is_done(status):
        verified(directory, STATUS)
    elif status is not None and not (isinstance(status, dict) and "status" in status):
        raise UserError(f"{path} is damaged: it holds no status.")
    return status


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
    path = verified(directory, "metrics.json")
    with blaming(path):
        return {name: float(value) for name, value in (read_json(path) or {}).items()}


def read_overrides(directory: Path) -> list[str]:
    """Returns what was typed to start the run."""
    path = verified(directory, "overrides.yaml")
    if not path.exists():
        return []
    with blaming(path):
        return [str(override) for override in list(_yaml(path) or ())]


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
    with blaming(directory / ASSIGNMENTS):
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
    with blaming(directory / ASSIGNMENTS):
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
    with blaming(path):
        refuse_bomb(path)
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)


def read_losses(directory: Path) -> dict[str, list[float]]:
    """Returns `loss/train` and `loss/val` to a value for every epoch; empty without a network."""
    path = verified(directory, "losses.csv")
    if not path.exists():
        return {}
    with blaming(path), path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        names = [name for name in (rows[0] if rows else ()) if name != "epoch"]
        return {name: [float(row[name]) for row in rows] for name in names}


def _column(directory: Path, column: str, clusterer: str | None = None) -> dict[str, np.ndarray]:
    """Reads what assignments.csv says by one clusterer, or by its first."""
    found: dict[str, list[int]] = {}
    with blaming(directory / ASSIGNMENTS):
        for name, split, number in _rows(directory, column):
            clusterer = clusterer or name
            if name == clusterer and number:
                found.setdefault(split, []).append(int(number))
    return {split: np.array(ids, np.int64) for split, ids in found.items()}


def _rows(directory: Path, *columns: str) -> Iterator[list[str]]:
    """Yields clusterer, split and these columns of every row of assignments.csv."""
    with verified(directory, ASSIGNMENTS).open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        places = [*map(next(table).index, ("clusterer", "split", *columns))]
        for row in table:
            yield [row[place] for place in places]


def read_config(directory: Path) -> DictConfig:
    """Returns the configuration of a run.

    Raises:
        UserError: If there is none, or if it holds what no saved one does: interpolations, which
            could read the environment, or parts that write elsewhere than in their run.
    """
    path = verified(directory, "config.yaml")
    if not path.exists():
        raise UserError(f"{directory} is no run directory: it has no config.yaml.")
    with blaming(path):
        config = _yaml(path)
        if any("${" in text for text in _texts(config)):
            raise UserError(f"{path} is refused: it holds an interpolation (${{...}}).")
        if LIGHTNING not in own_packages():
            _refuse_what_leaves(config, path)
        return OmegaConf.create(config)


def _refuse_what_leaves(config: dict[str, Any], path: Path) -> None:
    for group in WRITING:
        for key, value in _leaves(config.get(group), group):
            is_logger = group == "logger" and key.endswith("._target_")
            if PLACE.search(key) or ELSEWHERE.search(str(value)):
                reason = "could write elsewhere than in the run"
            elif is_logger and not str(value).startswith(LOGGERS):
                reason = "could send elsewhere what is logged"
            else:
                continue
            raise UserError(
                f"{path} is refused: {key}={value} {reason}. If the run is your own, set "
                f"{VARIABLE}={LIGHTNING} in the environment."
            )


def _leaves(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every value that is neither a dictionary nor a list, with its dotted name."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(value, f"{name}.{key}")
    else:
        yield name, node


def _yaml(path: Path) -> Any:
    """Reads YAML that only says values: a few bytes of aliases could stand for endless ones."""
    text = path.read_text(encoding="utf-8")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise UserError(f"{path} is refused: it holds an alias (*).")
    return yaml.safe_load(text)


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
