"""Read a run directory, which may be damaged or come from someone else."""

import csv
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from glob import escape, glob
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.errors import UserError, reading, refuse_bomb
from fmclust.runs.files import read_json
from fmclust.runs.layout import (
    AGREEMENT,
    CLUSTERINGS,
    CLUSTERINGS_FILE,
    FORMAT,
    LATENTS,
    STATUS,
    SWEEP_PLAN,
)
from fmclust.runs.manifest import is_done, verified

NO_OBJECTIVE = sys.float_info.max  # of a job that failed, or found one cluster; NaN stops sweepers


def read_status(directory: Path) -> dict[str, Any] | None:
    """Return the content of status.json, or None if it does not exist.

    Raises:
        UserError: If it is damaged, or of another version of the format.
    """
    path = directory / STATUS
    status = read_json(path)
    if status is None:
        return None
    if not (isinstance(status, dict) and "status" in status):
        raise UserError(f"{path} is damaged: it has no status.")
    if status.get("format") != FORMAT:
        raise UserError(_other_format(directory, status))
    if is_done(status):
        verified(directory, STATUS)
    return status


def _other_format(directory: Path, status: dict[str, Any]) -> str:
    """Return an error message that names the version that wrote a run."""
    with suppress(AttributeError, LookupError, TypeError):
        packages = (
            status.get("packages") or status["environments"][-1]["packages"]
        )  # 0.1 has the first
        number = packages["fmclust"]
        return (
            f"{directory} is a run of fmclust {number}, whose files this version can't read: open "
            f"it with fmclust {number}, or train again."
        )
    return f"{directory} is a run of fmclust 0.1 or damaged: open it with fmclust 0.1."


def is_trained(status: Mapping[str, Any]) -> bool:
    """Return whether a run has a trained encoder, even if it failed or was stopped later.

    A run whose process was killed still says that it is running.
    """
    return is_done(status) or bool(status.get("trained"))


def find_runs(key: str, pattern: str) -> list[Path]:
    """Return the sorted run directories that match a path or a pattern, finished or not.

    Args:
        key: Name of the option, for error messages.
        pattern: A directory, or a pattern such as `outputs/sweeps/*/*/*`.

    Raises:
        UserError: If no run directory matches.
    """
    exists = Path(pattern).exists()  # then brackets in it are not a pattern
    paths = [pattern] if exists else sorted(glob(pattern, recursive=True))
    found = [Path(os.path.abspath(path)) for path in paths]
    runs = [path for path in found if (path / STATUS).exists() and path.parent.name != CLUSTERINGS]
    if not runs:
        meant = _run_meant(pattern)
        typed = shlex.quote(f"{key}={meant}") if meant else f"{key}=<a run directory>"
        raise UserError(f"{key}={pattern} is not a run directory: type {typed}.")
    return runs


def _run_meant(pattern: str) -> str:
    """Return the run of a clustering, the runs of a sweep, or a run whose name begins so, or ''."""
    path = Path(pattern)
    if path.parent.name == CLUSTERINGS:
        return str(path.parent.parent)
    if (path / SWEEP_PLAN).exists():
        return str(path / "*")
    near = [p for p in sorted(glob(f"{escape(pattern)}*")) if Path(p, STATUS).exists()]
    return near[-1] if near else ""


def read_metrics(directory: Path) -> dict[str, float]:
    """Return the content of metrics.json, or an empty dictionary if it does not exist."""
    path = verified(directory, "metrics.json")
    with reading(path):
        return {name: float(value) for name, value in (read_json(path) or {}).items()}


def read_objective(directory: Path) -> float:
    """Return the number that a sweep minimizes, of a finished run."""
    name = (read_status(directory) or {}).get("objective", "")
    return read_metrics(directory).get(name, NO_OBJECTIVE)


def read_latents(directory: Path) -> dict[str, np.ndarray]:
    """Return split to latents, float32 arrays of shape (N, d).

    Raises:
        UserError: If the run has no latents.
    """
    return _arrays(directory, "latents.npz", "type run=<the directory of a finished run>.")


def read_clusterings(directory: Path) -> dict[str, dict[str, Any]]:
    """Return clusterings.json: name to the summary of `evaluation/summary.py`.

    Args:
        directory: The run directory, or that of a later clustering.
    """
    path = verified(directory, CLUSTERINGS_FILE)
    with reading(path):
        found = {str(name): dict(made) for name, made in dict(read_json(path) or {}).items()}
        for name in found:
            if Path(name).name != name:  # it is used as a file name
                raise ValueError(f"{name} is not a valid name of a clustering")
        return found


def read_matching(directory: Path, clusterer: str) -> dict[int, int]:
    """Return cluster id to class by the matching on the first split of the run.

    Args:
        directory: Directory with the clusterings.json of the clusterer.
        clusterer: Name of the clusterer.

    Returns:
        The matching; empty without labels.
    """
    with reading(directory / CLUSTERINGS_FILE):
        found = read_clusterings(directory)[clusterer]["matchings"]
        split = next((s for s in ("test", "all", "val", "train", LATENTS) if s in found), None)
        return {} if split is None else {int(k): int(cls) for k, cls in found[split].items()}


def clustered_in(directory: Path) -> dict[str, Path]:
    """Return the name of each finished clustering of a run to its directory.

    Args:
        directory: A run directory; its own clusterings come first, then later ones by name.
    """
    later = sorted((directory / CLUSTERINGS).glob("*"))
    done = [folder for folder in later if is_done(read_status(folder))]
    return {name: folder for folder in (directory, *done) for name in read_clusterings(folder)}


def read_thumbnails(directory: Path) -> dict[str, np.ndarray]:
    """Return the arrays of thumbnails.npz; see `evaluation/thumbnails.py`.

    Raises:
        UserError: If the file is missing.
    """
    return _arrays(directory, "thumbnails.npz", "type runs=<finished runs of this fmclust>.")


def _arrays(directory: Path, name: str, cure: str) -> dict[str, np.ndarray]:
    path = verified(directory, name)
    if not path.exists():
        raise UserError(f"{path} is missing: {cure}")
    with reading(path):
        refuse_bomb(path)
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)


def read_losses(directory: Path) -> dict[str, list[float]]:
    """Return every loss by name, one value per epoch or NaN; empty if nothing was trained."""
    path = verified(directory, "losses.csv")
    if not path.exists():
        return {}
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        names = [name for name in (rows[0] if rows else ()) if name != "epoch"]
        return {name: [float(row[name] or "nan") for row in rows] for name in names}


def read_agreement(directory: Path) -> list[dict[str, float]]:
    """Return the rows of n_clusters.csv: `k`, `agreement` and `sd`; empty without the file."""
    path = verified(directory, AGREEMENT)
    if not path.exists():
        return []
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [{name: float(row[name]) for name in ("k", "agreement", "sd")} for row in rows]
