"""Checksums of the files of a run, which are compared before a file is used."""

import hashlib
import logging
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fmclust.errors import UserError
from fmclust.runs.files import read_json, write_json
from fmclust.runs.layout import AGREEMENT, CLUSTERINGS, CLUSTERINGS_FILE, STATUS

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
CONFIG = "config.yaml"  # the user may edit it
COVERED = (
    CONFIG,
    "overrides.yaml",
    "metrics.json",
    "assignments.csv",
    CLUSTERINGS_FILE,
    "thumbnails.npz",
    "latents.npz",
    "losses.csv",
    AGREEMENT,
    "clusterers/*",
    "checkpoints/*.ckpt",
)


def write_manifest(directory: Path, *, coming: Mapping[str, str]) -> None:
    """Write the sha256 of every file that later commands read.

    Args:
        directory: The run directory.
        coming: Name to text of files that are written after the manifest.
    """
    paths = sorted(path for pattern in COVERED for path in directory.glob(pattern))
    sums = {path.relative_to(directory).as_posix(): _sha256(path) for path in paths}
    sums |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in coming.items()}
    write_json(directory / MANIFEST, sums)


def update_manifest(directory: Path) -> None:
    """Write the manifest of a finished run again if it is lost or config.yaml was edited."""
    sums = read_json(directory / MANIFEST)
    status = (directory / STATUS).read_text(encoding="utf-8")
    if sums is None:
        write_manifest(directory, coming={STATUS: status})
    elif sums.get(CONFIG) != (config := _sha256(directory / CONFIG)):
        write_json(directory / MANIFEST, sums | {CONFIG: config})


def verified(directory: Path, name: str) -> Path:
    """Return the path of a file of a run after comparing its checksum.

    A lost manifest and an edited config.yaml are logged as warnings. A run that is not finished
    has no manifest, and nothing is compared.

    Args:
        directory: The run directory.
        name: Path of the file in the run directory.

    Raises:
        UserError: If the file is damaged or missing; says how to make the run again.
    """
    path = directory / name
    sums = read_json(directory / MANIFEST)
    if sums is None and is_done(read_json(directory / STATUS)):
        _warn_once(f"{directory / MANIFEST} is missing: damaged files can't be detected.")
    expected = (sums or {}).get(name)
    if expected is None or (path.exists() and _sha256(path) == expected):
        return path
    if name == CONFIG and path.exists():
        _warn_once(f"{path} was edited after the run.")
        return path
    state = "damaged" if path.exists() else "missing"
    raise UserError(f"{path} is {state}: {_how_to_make_again(directory)}")


@cache
def _warn_once(text: str) -> None:
    log.warning(text)


def is_done(status: Any) -> bool:
    """Return whether a run is finished, by the content of status.json, or None if it has none."""
    return isinstance(status, dict) and status.get("status") == "done"


def _how_to_make_again(directory: Path) -> str:
    try:
        typed = yaml.safe_load((directory / "overrides.yaml").read_text(encoding="utf-8")) or []
        again = "fmclust.cluster" if directory.parent.name == CLUSTERINGS else "fmclust.train"
        command = shlex.join(["python", "-m", again, *map(str, typed)])
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        return "make the run again, in a new directory."
    return f"to make the run again, in a new directory, type: {command}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
