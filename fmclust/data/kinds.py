"""Which option of `data=` reads a path."""

from pathlib import Path

SUFFIXES = {  # option to the ends of the names of its files
    "arrays": (".npy", ".npz", ".pt"),
    "table": (".csv", ".csv.gz"),
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
    found = next((o for o in SUFFIXES if o != own and path.is_file() and has_suffix(path, o)), "")
    if found:
        return f"data={found}"
    return "data=folder" if own != "folder" and _holds_pictures(path) else cure


def _holds_pictures(path: Path) -> bool:
    pictures = (".png", ".jpg", ".jpeg")
    return path.is_dir() and any(file.suffix.lower() in pictures for file in path.glob("**/*"))
