"""Where progress is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console

_is_quiet = ContextVar("is_quiet", default=False)


def console() -> Console:
    """Return a console for progress: plain text without animation in a notebook or a file."""
    if Console().is_jupyter:  # its output stream calls itself a terminal
        return Console(force_jupyter=False, force_terminal=False, quiet=_is_quiet.get())
    return Console(quiet=_is_quiet.get())


@contextmanager
def progress_shown(shown: bool) -> Iterator[None]:
    """Show progress in the block, or not."""
    token = _is_quiet.set(not shown)
    try:
        yield
    finally:
        _is_quiet.reset(token)
