"""Checksums of what a run leaves: a damaged file is noticed before it is believed."""

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fmclust.errors import UserError
from fmclust.runs.files import read_json, write_json
from fmclust.runs.layout import CLUSTERINGS

MANIFEST = "manifest.json"
STATUS = "status.json"
COVERED = (
    "config.yaml",
    "overrides.yaml",
    "metrics.json",
    "assignments.csv",
    "thumbnails.npz",
    "latents.npz",
    "losses.csv",
    "clusterers/*",
    "checkpoints/*.ckpt",
)


def write_manifest(directory: Path, *, coming: Mapping[str, str]) -> None:
    """Writes the sha256 of every file that later commands read.

    Args:
        directory: The run directory.
        coming: Name to text of what is written last of all.
    """
    paths = sorted(path for pattern in COVERED for path in directory.glob(pattern))
    sums = {path.relative_to(directory).as_posix(): _sha256(path) for path in paths}
    sums |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in coming.items()}
    write_json(directory / MANIFEST, sums)


def verified(directory: Path, name: str) -> Path:
    """Returns the path of a run's file, once it is found to be as the run left it.

    Args:
        directory: The run directory; as long as it is not finished, there is no manifest, and
            nothing is compared.
        name: The file's, relative to it.

    Raises:
        UserError: If it is damaged or gone; says how to make it again.
    """
    path = directory / name
    sums = read_json(directory / MANIFEST)
    if sums is None and is_done(read_json(directory / STATUS)):
        raise UserError(f"{directory / MANIFEST} is gone: {_how_to_make_again(directory)}")
    expected = (sums or {}).get(name)
    if expected is not None and (not path.exists() or _sha256(path) != expected):
        state = "damaged" if path.exists() else "gone"
        raise UserError(f"{path} is {state}: {_how_to_make_again(directory)}")
    return path


def is_done(status: Any) -> bool:
    """Whether what status.json holds is of a finished run."""
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
