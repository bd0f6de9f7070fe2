"""Fetching data sets with torchvision, so that a part is never taken for the whole."""

import http.client
import logging
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fmclust.data.fashion_mnist import SHA256, SYSTEM_COPY, find_folder, read_verified
from fmclust.errors import UserError, one_line

log = logging.getLogger(__name__)
TIMEOUT = 30.0  # seconds without a byte
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt


def locate_or_download(root: Path) -> Path:
    """Finds the files below `root` or in the system's copy, or downloads them below `root`.

    Returns:
        The folder that holds the four files; they are not verified here.

    Raises:
        UserError: If they are nowhere and the download failed; names the ways to get them.
    """
    return find_folder(root) or download(
        root, "FashionMNIST", keep=tuple(SHA256), verify=read_verified
    )


def download(
    root: Path, name: str, *, keep: Sequence[str], verify: Callable[[Path], object]
) -> Path:
    """Downloads into a hidden folder, verifies, then moves the files into place.

    Args:
        root: Below which they go.
        name: torchvision's class.
        keep: Names of the files to move.
        verify: Reads the fetched files of a folder; raises UserError if they are damaged.

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
                    raise UserError(_ways_out(folder, keep[0], error)) from error
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


def _ways_out(folder: Path, file: str, error: Exception) -> str:
    reason = one_line(error) or type(error).__name__
    name = folder.parent.name
    places, ways = str(folder), "Put"
    if name == "FashionMNIST":
        places += f" or {SYSTEM_COPY}"
        ways = "Type `make data`, or `apt-get install dataset-fashion-mnist`, or put"
    return (
        f"{name} is missing: no {file} below {places}, and the download failed ({reason}). "
        f"{ways} the four files into <folder>/{name}/raw and add data.root=<folder> to the command."
    )
