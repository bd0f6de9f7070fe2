"""Download data sets with torchvision, which verifies their checksums."""

import http.client
import logging
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from fmclust.errors import UserError, one_line

log = logging.getLogger(__name__)
TIMEOUT = 30.0  # seconds to wait for the next byte
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt
FAILURES = (RuntimeError, OSError, http.client.HTTPException, EOFError)  # of a download


def download(root: Path, name: str, advice: str) -> Path:
    """Download into a hidden folder, then move the compressed files to `<root>/<name>/raw`.

    Args:
        root: Folder in torchvision's layout.
        name: Class of the data set in torchvision.
        advice: Another way to get the files, for the error; ends before "the four files into".

    Returns:
        `<root>/<name>/raw`.

    Raises:
        UserError: If every attempt failed.
    """
    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    log.info("Downloading %s to %s", name, folder)
    with TemporaryDirectory(dir=root, prefix=".download-") as partial:
        try:
            _fetch(name, partial)
        except FAILURES as error:
            raise UserError(
                f"{name} is missing: its files are not in {folder}, and the download failed "
                f"({_reason(error)}). {advice} the four files into <folder>/{name}/raw and add "
                "data.root=<folder> to the command."
            ) from error
        for file in Path(partial, name, "raw").glob("*.gz"):
            file.replace(folder / file.name)
    return folder


def _fetch(name: str, root: str) -> None:
    """Download with torchvision, and try again after each of `PAUSES`."""
    from torchvision import datasets  # slow to import, and rarely needed

    fetch = getattr(datasets, name)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torchvision sets none
    try:
        for pause in PAUSES:
            try:
                fetch(root, download=True)
                return
            except FAILURES as error:
                log.warning("Download failed (%s); again in %g s", _reason(error), pause)
                time.sleep(pause)
        fetch(root, download=True)
    finally:
        socket.setdefaulttimeout(timeout)


def _reason(error: Exception) -> str:
    return one_line(error) or type(error).__name__
