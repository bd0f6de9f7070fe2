"""Fetching data sets with torchvision, so that a part is never taken for the whole."""

import http.client
import logging
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fmclust.errors import UserError, one_line

log = logging.getLogger(__name__)
TIMEOUT = 30.0  # seconds without a byte
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt


def download(
    root: Path,
    name: str,
    *,
    keep: Sequence[str],
    verify: Callable[[Path], object],
    places: str = "",
    ways: str = "Put",
) -> Path:
    """Downloads into a hidden folder, verifies, then moves the files into place.

    Args:
        root: Below which they go.
        name: torchvision's class.
        keep: Names of the files to move.
        verify: Reads the fetched files of a folder; raises UserError if they are damaged.
        places: Where else the files were looked for, for the error.
        ways: How else to get them, for the error; ends before "the four files into".

    Returns:
        `<root>/<name>/raw`.

    Raises:
        UserError: If every attempt failed.
    """
    from torchvision import datasets  # slow to import; few runs download

    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    log.info("Downloading %s to %s", name, folder)
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as partial, _timeout():
        for pause in (*PAUSES, None):
            try:
                getattr(datasets, name)(partial, download=True)
                break
            except (RuntimeError, OSError, http.client.HTTPException, EOFError) as error:
                if pause is None:
                    reason = one_line(error) or type(error).__name__
                    raise UserError(
                        f"{name} is missing: no {keep[0]} below {folder}{places}, and the "
                        f"download failed ({reason}). {ways} the four files into "
                        f"<folder>/{name}/raw and add data.root=<folder> to the command."
                    ) from error
                log.warning("Download failed (%s); again in %g s", str(error).strip(), pause)
                time.sleep(pause)
        fetched = Path(partial) / name / "raw"
        verify(fetched)
        for file in keep:
            (fetched / file).replace(folder / file)
    return folder


@contextmanager
def _timeout() -> Iterator[None]:
    """Gives torchvision's download, which has none, a timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
