"""Where progress is shown."""

from rich.console import Console


def console() -> Console:
    """Return a console for progress: plain text without animation in a notebook or a file."""
    if Console().is_jupyter:  # its output stream calls itself a terminal
        return Console(force_jupyter=False, force_terminal=False)
    return Console()
