"""Which option of `data=` reads a path."""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from fmclust.data.listing import walk
from fmclust.data.picture_files import ARCHIVES
from fmclust.errors import UserError

SUFFIXES = {  # option to the ends of the names of its files
    "arrays": (".npy", ".npz", ".pt"),
    "table": (".csv", ".csv.gz", ".parquet"),
    "folder": ARCHIVES,
}
IDX_IMAGES = re.compile(r"images[-_.]idx\d?([-_.]ubyte)?(\.gz)?$", re.IGNORECASE)
PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".mpo"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".avif", ".heic", ".heif"),
)
PACKED = (".rar", ".7z")  # archives that can't be read


def has_suffix(path: Path, option: str) -> bool:
    """Return whether a path is named like a file that an option reads."""
    return path.name.lower().endswith(SUFFIXES[option])


def unfit(path: Path, own: str, what: str, cure: str) -> UserError:
    """Return the error of an option that can't read a path.

    Args:
        path: The path.
        own: The option.
        what: What the option reads.
        cure: What to type if no other option reads the path either.
    """
    problem = f"is not {what}" if path.exists() else "does not exist"
    return UserError(f"{path} {problem}: type {other_option(path, own, cure)}.")


def other_option(path: Path, own: str, cure: str) -> str:
    """Return what to type if an option can't read a path; see `unfit`."""
    if path.suffix.lower() in PACKED:
        return "data=folder data.root=<the folder of its files, unpacked>"
    found = option_for(path)
    if found == "idx" and path.is_file():
        return f"data=idx {shlex.quote(f'data.root={path.parent}')}"
    is_sure = found != "folder" or has_suffix(path, "folder") or _has_pictures(walk(path)[0])
    return f"data={found}" if is_sure and found != own and path.exists() else cure


def option_for(path: Path) -> str:
    """Return the option of `data=` that reads a path, judged by the names of files."""
    if (option := _by_name(path)) is not None:
        return option
    folders = [path, path / "data"]  # the second as in Hugging Face's repositories
    files = [f for folder in folders if folder.is_dir() for f in folder.iterdir() if f.is_file()]
    found = {option for file in files if (option := _by_name(file)) is not None}
    if "idx" in found:
        return "idx"
    return found.pop() if len(found) == 1 and not _has_pictures(walk(path)[0]) else "folder"


def holds_other_images(folder: Path) -> bool:
    """Return whether a folder itself, or each of several folders in it, has images of the user."""
    entries = list(folder.iterdir()) if folder.is_dir() else []
    below = [entry for entry in entries if entry.is_dir()]
    has_classes = len(below) > 1 and all(_has_pictures(inner.iterdir()) for inner in below)
    return has_classes or _has_pictures(entries) or any(map(_by_name, entries))


def _by_name(path: Path) -> str | None:
    """Return the option that reads a file of this name."""
    is_picture = path.suffix.lower() in PICTURES
    if not path.is_dir() and not is_picture and IDX_IMAGES.search(path.name):
        return "idx"
    return next((option for option in SUFFIXES if has_suffix(path, option)), None)


def _has_pictures(paths: Iterable[Path]) -> bool:
    return any(path.suffix.lower() in PICTURES for path in paths)
