"""Show that a step is running, for steps that can't count their progress."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fmclust.terminal import console

log = logging.getLogger(__name__)


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Log the text, and show a spinner while the block runs if the output is a terminal."""
    log.info(text)
    with console().status("in progress"):
        yield
