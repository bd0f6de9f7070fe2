"""Telling of a stage that takes seconds and can't count its steps."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

log = logging.getLogger(__name__)


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Logs what is being done; in a terminal, a spinner shows for how long."""
    if not sys.stdout.isatty():
        log.info(text)
        yield
        return
    log.debug(text)
    columns = (SpinnerColumn(), TextColumn(text, markup=False), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=1)
        yield
        progress.update(task, completed=1)
