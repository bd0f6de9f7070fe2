"""What CSV files do not say of themselves: separator, encoding, how their rows end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Read = TypeVar("Read")
MAX_LINE = 1 << 16  # bytes of the first line that are searched for the separator


def separator_in(start: bytes) -> str:
    """Return the most frequent of comma, semicolon and tab in the first line of a CSV file."""
    line = start[:MAX_LINE].partition(b"\n")[0].decode(errors="replace")
    return max((",", ";", "\t"), key=line.count)


def ends_in_separator(table: "pd.DataFrame") -> bool:
    """Return whether rows may end in a separator that the header lacks.

    Then pandas takes the first column for the names of the rows, and the last one is empty.
    """
    import pandas as pd

    last = table.iloc[:, -1:]
    is_index = table.index.nlevels == 1 and not isinstance(table.index, pd.RangeIndex)
    return bool(len(table) and is_index and (last.isna() | (last == "")).all(axis=None))


def as_named(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table for which `ends_in_separator` with its values below their names."""
    return table.reset_index().iloc[:, :-1].set_axis(table.columns, axis=1)


def in_its_encoding(read: Callable[[str], Read]) -> Read:
    """Return what `read` returns for the encoding of a CSV file: UTF-8, or that of Windows."""
    try:
        return read("utf-8")
    except UnicodeDecodeError:
        return read("cp1252")  # as Excel saves it on Windows
