"""Show the progress of a step, or that it is running if its progress can't be counted."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress

from fmclust.terminal import console

log = logging.getLogger(__name__)


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Log the text, and show a spinner while the block runs if the output is a terminal."""
    log.info(text)
    with console().status("in progress"):
        yield


@contextmanager
def progress_bar(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Log the text, and show a bar while the block runs.

    Yields:
        A function that advances the bar by a number of steps.
    """
    log.info(text)
    with Progress(console=console(), transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda n: progress.advance(task, n)
