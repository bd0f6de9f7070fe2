"""Where Spark reads and writes: paths of this machine, patterns, and URIs."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from fmclust.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

URI = re.compile(r"\w[\w+.-]*:/.*")
PATTERN = re.compile(r"[*?\[{]")


def absolute(where: str) -> str:
    """Return an absolute path, or a URI as it is."""
    return where if URI.fullmatch(where) else os.path.abspath(where)


def path_of(key: str, where: str) -> Path | None:
    """Return the path of a file or folder, or None for a URI or a pattern.

    Args:
        key: Name of the option, for the error message.
        where: What the user has typed.

    Raises:
        UserError: If there is no such file or folder.
    """
    path = Path(where)
    if URI.fullmatch(where) or (PATTERN.search(where) and not path.exists()):
        return None
    if not path.exists():
        raise UserError(f"{key}={where} does not exist: type {key}=<a folder or file>.")
    return path


def open_parquet(session: "SparkSession", where: str) -> "DataFrame":
    """Open a Parquet file or a folder of some.

    Merging the schemas reads the end of every file: a truncated one is found before the job.
    """
    return session.read.option("mergeSchema", True).parquet(where)
