"""Standard output of a command that may lose its reader, or have an encoding without some signs."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Output(io.TextIOWrapper):
    """A stream that goes nowhere once nobody reads it, as after `| head`."""

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        with self._kept():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is held back, or drop it."""
        with self._kept():
            super().flush()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def keep_output() -> None:
    """Let a command run on when the reader of its output ends; write `?` for unknown signs.

    Streams that are not those of the process, as in a notebook, stay as they are.
    """
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            kept = Output(
                stream.buffer,
                encoding=stream.encoding,
                errors="replace" if name == "stdout" else stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, kept)
