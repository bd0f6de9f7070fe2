"""Fetching Fashion-MNIST with torchvision, so that a part is never taken for the whole."""

import http.client
import logging
import socket
import tempfile
import time
from collections.abc import Iterator
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
    return find_folder(root) or download(root)


def download(root: Path) -> Path:
    """Downloads into a hidden folder, verifies, then moves the files into place.

    Returns:
        `<root>/FashionMNIST/raw`.

    Raises:
        UserError: If every attempt failed.
    """
    from torchvision.datasets import FashionMNIST  # slow to import; few runs download

    folder = root / FashionMNIST.__name__ / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    log.info("Downloading Fashion-MNIST (31 MB) to %s", folder)
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as partial, _timeout():
        for pause in (*PAUSES, None):
            try:
                FashionMNIST(partial, download=True)
                break
            except (RuntimeError, OSError, http.client.HTTPException, EOFError) as error:
                if pause is None:
                    raise UserError(_ways_out(root, error)) from error
                log.warning("Download failed (%s); again in %g s", str(error).strip(), pause)
                time.sleep(pause)
        fetched = Path(partial) / FashionMNIST.__name__ / "raw"
        read_verified(fetched)
        for name in SHA256:
            (fetched / name).replace(folder / name)
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


def _ways_out(root: Path, error: Exception) -> str:
    reason = one_line(error) or type(error).__name__
    return (
        f"Fashion-MNIST is missing: no {next(iter(SHA256))} (or .gz) below "
        f"{root / 'FashionMNIST' / 'raw'} or {SYSTEM_COPY}, and the download failed ({reason}). "
        "Type `make data`, or `apt-get install dataset-fashion-mnist`, or put the four files "
        "into <folder>/FashionMNIST/raw and add data.root=<folder> to the command."
    )
