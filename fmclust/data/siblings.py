"""Fashion-MNIST's siblings in torchvision, of the same form: MNIST and Kuzushiji-MNIST."""

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fmclust.data.download import download
from fmclust.data.idx import read_idx
from fmclust.errors import UserError

CLASSES = {
    "MNIST": tuple("0123456789"),
    "KMNIST": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}


def read_or_download(name: str, root: Path) -> dict[str, np.ndarray]:
    """Reads the four files of a data set below `root`, which get there by a download if need be.

    Args:
        name: Key of `CLASSES`.
        root: Folder in torchvision's layout, `<root>/<name>/raw`.

    Returns:
        File name without `.gz` to uint8 array: images (N, 28, 28), labels (N,).

    Raises:
        UserError: If a file is damaged, or nowhere to be had.
    """
    sums = _sums(name)
    folder = root / name / "raw"
    if not all(_found(folder, file) for file in sums):
        download(root, name, keep=tuple(sums), verify=lambda fetched: _read(fetched, sums))
    return _read(folder, sums)


def _sums(name: str) -> dict[str, str]:
    """Returns torchvision's list: name of a compressed file to its md5."""
    from torchvision import datasets  # slow to import; Fashion-MNIST does without

    return dict(getattr(datasets, name).resources)


def _read(folder: Path, sums: Mapping[str, str]) -> dict[str, np.ndarray]:
    arrays = {}
    for file, expected in sums.items():
        path = _found(folder, file)
        assert path is not None
        if path.suffix == ".gz":  # the list is of compressed files only
            found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            if found != expected:
                raise UserError(
                    f"{path} is damaged: its md5 is {found}, expected {expected}. "
                    f"Type rm {shlex.quote(str(path))}, then your command again."
                )
        arrays[file.removesuffix(".gz")] = read_idx(path)
    return arrays


def _found(folder: Path, file: str) -> Path | None:
    """Returns the compressed file, whose sum is known, before the extracted one."""
    paths = (folder / file, (folder / file).with_suffix(""))
    return next((path for path in paths if path.exists()), None)
