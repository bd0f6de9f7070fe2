"""UserError, the exception for users' mistakes, and functions that raise and print it."""

import errno
import math
import os
import sys
import traceback
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten

TRACEBACK = "FMCLUST_TRACEBACK"  # environment variable that the commands set
MISTAKE = 2  # exit status after a user's mistake
MAX_SEED = 2**32 - 1  # NumPy's
MAX_TEXT = 300  # characters of a library's message about a file
MAX_UNPACKED = 1 << 26  # bytes; the large files of a run are not compressed
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """An error that the user can fix; says what is wrong, with which value, and what to type."""


class Interrupted(KeyboardInterrupt):
    """A run was stopped, for example by Ctrl-C; says what is kept and how to resume."""


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that no space is left on the disk."""
    return isinstance(error, OSError) and error.errno in DISK_FULL


def one_line(error: object) -> str:
    """Return the text of an error or a warning without line breaks."""
    return " ".join(str(error).split())


def require_extra(use: str, extra: str, *packages: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        use: What needs them, for the message.
        extra: Name of the extra in `pyproject.toml`.
        *packages: Names by which the packages are imported.

    Raises:
        UserError: If one is not installed.
    """
    if any(find_spec(package) is None for package in packages):
        raise UserError(f"{missing_extra(use, extra)}.")


def missing_extra(use: str, extra: str) -> str:
    """Return that something needs an extra, and the command that installs it."""
    return f"{use} needs the extra {extra}: type pip install 'fmclust[{extra}]'"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn any error while reading `path` into a UserError.

    Raises:
        UserError: If the block raises any error: libraries raise many for damaged files.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        text = shorten(str(error), MAX_TEXT, placeholder=" ...")
        raise UserError(f"{path} can't be read: {text}") from error


def refuse_bomb(path: Path) -> None:
    """Refuse a zip file whose compressed entries would need too much memory.

    Raises:
        ValueError: If they are larger than the compressed files of a run.
        zipfile.BadZipFile: If it is not a zip file.
    """
    with zipfile.ZipFile(path) as file:
        packed = [e for e in file.infolist() if e.compress_type != zipfile.ZIP_STORED]
    if (size := sum(entry.file_size for entry in packed)) > MAX_UNPACKED:
        raise ValueError(f"it would decompress to {size} bytes, more than {MAX_UNPACKED}")


def complain(text: str, status: int = MISTAKE, *, error: BaseException | None = None) -> int:
    """Print one line on standard error and return the exit status.

    Args:
        text: The line.
        status: The exit status.
        error: The error; its traceback is printed first if the user asked for tracebacks.
    """
    if error is not None and os.environ.get(TRACEBACK) == "1":
        traceback.print_exception(error)
    print(f"fmclust: {text}", file=sys.stderr)
    return status


def require_option(key: str, value: object, options: Iterable[str]) -> None:
    """Check that a value is one of the options.

    Args:
        key: Name of the option, for example `model.loss`.
        value: Value of the option.
        options: Known values.

    Raises:
        UserError: If it is not; names the most similar option.
    """
    known = list(options)
    if value not in known:
        near = get_close_matches(str(value), known, n=1)
        hint = f"{key}={near[0]}" if near else f"{key}= with one of: {', '.join(known)}"
        raise UserError(f"{key}={value} is unknown: type {hint}.")


def require_new(path: Path) -> None:
    """Refuse to write over the results of an earlier command.

    Raises:
        UserError: If the file exists.
    """
    if path.exists():
        raise UserError(f"{path} exists already: type hydra.run.dir=<a new directory>.")


def require_seed(value: object) -> None:
    """Check that a value is a valid seed of NumPy.

    Raises:
        UserError: If it is not a whole number, or out of range.
    """
    require_whole("seed", value, 0)
    if int(str(value)) > MAX_SEED:
        raise UserError(f"seed={value} is too large: type seed= with at most {MAX_SEED}.")


def require_whole(key: str, value: object, minimum: int) -> None:
    """Check that a value is a whole number of at least `minimum`.

    Raises:
        UserError: If it is not a whole number, or too small.
    """
    hint = f"type {key}= with a whole number from {minimum} on."
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key}={value} is not a whole number: {hint}")
    if value < minimum:
        raise UserError(f"{key}={value} is too small: {hint}")


def require_bool(key: str, value: object) -> None:
    """Check that a value is true or false.

    Raises:
        UserError: If it is something else, such as `no`.
    """
    if not isinstance(value, bool):
        raise UserError(f"{key}={value} is neither true nor false: type {key}=true or {key}=false.")


def require_number(key: str, value: object, *, above: float | None = None) -> None:
    """Check that a value is a finite number above a bound, or at least 0 if there is no bound.

    Raises:
        UserError: If it is not a number, or out of range.
    """
    hint = f"type {key}= with a number " + ("from 0 on." if above is None else f"above {above}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{key}={value} is not a number: {hint}")
    if value < 0 if above is None else value <= above:
        raise UserError(f"{key}={value} is too small: {hint}")


def require_whole_numbers(key: str, values: object, *, n: int | None = None) -> None:
    """Check that a value is a list of whole numbers, each at least 1.

    Args:
        key: Name of the option.
        values: Value of the option.
        n: How many numbers there must be; None for any.

    Raises:
        UserError: If it is not.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UserError(f"{key}={values} is not a list: type '{key}=[{values}]'.")
    for value in values:
        require_whole(key, value, 1)
    if n is not None and len([*values]) != n:
        raise UserError(f"{key}={[*values]} is not a list of {n} numbers: type {key}= with {n}.")


def require_empty(target: Path) -> None:
    """Check that a folder to sort into is empty or absent.

    Raises:
        UserError: If it is not.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"sort_into={target} is not empty: type sort_into=<a new folder>.")
