"""Write files atomically: under a temporary name, flushed to disk, then renamed."""

import csv
import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmclust.errors import UserError, is_disk_full

PARTIAL = ".part"  # in the name of a file that is not complete


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which is renamed to `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}{path.suffix}")
    partial.unlink(missing_ok=True)  # if it is a link, its target would be written
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Return whether a file is temporary, left by a process that was killed."""
    return path.name.startswith(".") and PARTIAL in path.name


def remove_temporaries(directory: Path) -> None:
    """Remove the temporary files in a directory and its subdirectories."""
    for path in filter(is_temporary, directory.rglob(".*")):
        path.unlink()


def refuse_links(directory: Path) -> None:
    """Refuse a run directory that contains a link, since writing would follow it.

    Raises:
        UserError: If there is a link; names it.
    """
    for path in filter(Path.is_symlink, directory.rglob("*")):
        raise UserError(f"{path} is refused: it is a link. Type rm {shlex.quote(str(path))}")


@contextmanager
def full_disk_as_user_error(
    directory: Path, advise: Callable[[Path], str] = lambda _: ""
) -> Iterator[None]:
    """Turn the error of a full disk into a UserError.

    Args:
        directory: Directory that is written to.
        advise: Returns what to do once there is space again. It is called after the error, since
            a checkpoint may be written while the block runs.

    Raises:
        UserError: If the disk is full.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            text = f"no space left on the disk of {directory}. {advise(directory)}"
            raise UserError(text.strip()) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file with a line for every row, and a column for every name in any row."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Write JSON.

    Raises:
        ValueError: If a number is not finite, which JSON does not allow.
    """
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return a value as JSON; raise ValueError as `write_json` does."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, or None if the file does not exist.

    Raises:
        UserError: If it is damaged.
    """
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}.") from error
