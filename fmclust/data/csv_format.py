"""What CSV files do not say of themselves: their separator and their encoding."""

from collections.abc import Callable
from typing import TypeVar

Read = TypeVar("Read")
MAX_LINE = 1 << 16  # bytes of the first line that are searched for the separator


def separator_in(start: bytes) -> str:
    """Return the most frequent of comma, semicolon and tab in the first line of a CSV file."""
    line = start[:MAX_LINE].partition(b"\n")[0].decode(errors="replace")
    return max((",", ";", "\t"), key=line.count)


def in_its_encoding(read: Callable[[str], Read]) -> Read:
    """Return what `read` returns for the encoding of a CSV file: UTF-8, or that of Windows."""
    try:
        return read("utf-8")
    except UnicodeDecodeError:
        return read("cp1252")  # as Excel saves it on Windows
