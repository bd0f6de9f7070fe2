"""Reading a run directory back; nothing in it is believed more than it must be."""

import csv
import os
from collections.abc import Sequence
from glob import escape, glob
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.errors import UserError, blaming, refuse_bomb
from fmclust.runs.files import read_json
from fmclust.runs.layout import CLUSTERINGS
from fmclust.runs.manifest import STATUS, is_done, verified


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
        near = [p for p in sorted(glob(f"{escape(pattern)}*")) if Path(p, STATUS).exists()]
        hint = near[-1] if near else "<a run's directory>"
        raise UserError(f"{key}={pattern} is no run directory: type {key}={hint}.")
    return runs


def read_metrics(directory: Path) -> dict[str, float]:
    """Returns metrics.json; empty if the run did not get that far."""
    path = verified(directory, "metrics.json")
    with blaming(path):
        return {name: float(value) for name, value in (read_json(path) or {}).items()}


def read_latents(directory: Path) -> dict[str, np.ndarray]:
    """Returns split to latents, float32 arrays of shape (N, d).

    Raises:
        UserError: If the run has none.
    """
    return _arrays(directory, "latents.npz", "type run=<the directory of a finished run>.")


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
