"""Checksums of what a run leaves: a damaged file is noticed before it is believed."""

import hashlib
import shlex
from pathlib import Path

import yaml

from fmclust.errors import UserError
from fmclust.runs.files import read_json, write_json
from fmclust.runs.layout import CLUSTERINGS

MANIFEST = "manifest.json"
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


def write_manifest(directory: Path) -> None:
    """Writes the sha256 of every file that later commands read."""
    paths = sorted(path for pattern in COVERED for path in directory.glob(pattern))
    sums = {path.relative_to(directory).as_posix(): _sha256(path) for path in paths}
    write_json(directory / MANIFEST, sums)


def verified(directory: Path, name: str) -> Path:
    """Returns the path of a run's file, once it is found to be as the run left it.

    Args:
        directory: The run directory; without a manifest, as long as it is not finished, nothing
            is compared.
        name: The file's, relative to it.

    Raises:
        UserError: If it is damaged or gone; says how to make it again.
    """
    path = directory / name
    expected = (read_json(directory / MANIFEST) or {}).get(name)
    if expected is not None and (not path.exists() or _sha256(path) != expected):
        state = "damaged" if path.exists() else "gone"
        raise UserError(f"{path} is {state}: {_how_to_make_again(directory)}")
    return path


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
