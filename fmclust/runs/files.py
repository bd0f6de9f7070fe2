"""Whole files or none: written under a temporary name, flushed to disk, renamed."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmclust.errors import DISK_FULL, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; it takes the final name only if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = temporary(path)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """Returns where a file is written before it takes its name."""
    return path.with_name(f".{path.name}.part{path.suffix}")


def remove_temporaries(directory: Path) -> None:
    """Removes what a process that was killed while it wrote has left below a directory."""
    for path in directory.rglob(".*.part*"):
        path.unlink()


@contextmanager
def telling_of_a_full_disk(
    directory: Path, advise: Callable[[Path], str] = lambda _: ""
) -> Iterator[None]:
    """Makes a mistake of one line of a full disk.

    Args:
        directory: What was being written.
        advise: Says what to do once there is space again; asked only then, since what can be
            gone on with grows while the block runs.

    Raises:
        UserError: If the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            text = f"no space left on the disk of {directory}. {advise(directory)}"
            raise UserError(text.strip()) from error
        raise


def write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes a CSV file with a line for each row, and a column for every name that a row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON.

    Raises:
        ValueError: If a number is not finite, which JSON can't express.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Returns what a JSON file holds; None if there is no such file.

    Raises:
        UserError: If it is damaged.
    """
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}.") from error
