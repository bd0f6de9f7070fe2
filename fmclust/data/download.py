"""Download data sets with torchvision; only complete, verified files are kept."""

import http.client
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

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
    advice: str = "Put",
) -> Path:
    """Download into a hidden folder, verify, then move the files to `<root>/<name>/raw`.

    Args:
        root: Folder in torchvision's layout.
        name: Class of the data set in torchvision.
        keep: Names of the files to move.
        verify: Reads the downloaded files in a folder; raises UserError if they are damaged.
        advice: How else to get them, for the error; ends before "the four files into".

    Returns:
        `<root>/<name>/raw`.

    Raises:
        UserError: If every attempt failed.
    """
    from torchvision import datasets  # slow to import, and rarely needed

    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    log.info("Downloading %s to %s", name, folder)
    with TemporaryDirectory(dir=root, prefix=".download-") as partial, ExitStack() as stack:
        stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        socket.setdefaulttimeout(TIMEOUT)  # torchvision sets none
        for pause in (*PAUSES, None):
            try:
                getattr(datasets, name)(partial, download=True)
                break
            except (RuntimeError, OSError, http.client.HTTPException, EOFError) as error:
                reason = one_line(error) or type(error).__name__
                if pause is None:
                    raise UserError(
                        f"{name} is missing: no {keep[0]} below {folder}, and the download failed "
                        f"({reason}). {advice} the four files into <folder>/{name}/raw and add "
                        "data.root=<folder> to the command."
                    ) from error
                log.warning("Download failed (%s); again in %g s", reason, pause)
                time.sleep(pause)
        fetched = Path(partial) / name / "raw"
        verify(fetched)
        for file in keep:
            (fetched / file).replace(folder / file)
    return folder
