"""Which option of `data=` reads a path."""

import re
from pathlib import Path

from fmclust.data.picture_files import ARCHIVES

SUFFIXES = {  # option to the ends of the names of its files
    "arrays": (".npy", ".npz", ".pt"),
    "table": (".csv", ".csv.gz", ".parquet"),
    "folder": ARCHIVES,
}


def has_suffix(path: Path, option: str) -> bool:
    """Return whether a path is named like a file that an option reads."""
    return path.name.lower().endswith(SUFFIXES[option])


def other_option(path: Path, own: str, cure: str) -> str:
    """Return what to type if an option can't read a path.

    Args:
        path: The path.
        own: The option.
        cure: What to type if no other option reads the path either.
    """
    if path.is_file() and (found := _by_suffix(path)) not in (None, own):
        return f"data={found}"
    return "data=folder" if own != "folder" and _holds_pictures(path) else cure


def option_for(path: Path) -> str:
    """Return the option of `data=` that reads a path, judged by the names of files."""
    if (option := _by_suffix(path)) is not None:
        return option
    files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else []
    if any(re.search(r"images.*idx", file.name, re.IGNORECASE) for file in files):
        return "idx"
    found = {option for file in files if (option := _by_suffix(file)) is not None}
    return found.pop() if len(found) == 1 and not _holds_pictures(path) else "folder"


def _by_suffix(path: Path) -> str | None:
    return next((option for option in SUFFIXES if has_suffix(path, option)), None)


def _holds_pictures(path: Path) -> bool:
    pictures = (".png", ".jpg", ".jpeg")
    return path.is_dir() and any(file.suffix.lower() in pictures for file in path.glob("**/*"))
