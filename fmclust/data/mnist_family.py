"""Fashion-MNIST and its siblings of the same form in torchvision: MNIST and Kuzushiji-MNIST.

Files are found locally or downloaded, and verified before use.
"""

import hashlib
import shlex
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fmclust.data.download import download
from fmclust.data.idx import parse_idx, read_bytes, read_idx
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_option

VAL = 5000  # of the test file (the paper, section 2)
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SYSTEM_COPY = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
# Of the decompressed bytes: Debian recompresses the files, so torchvision's md5 don't apply.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
CLASSES = {
    "MNIST": tuple("0123456789"),
    "KMNIST": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}


class FourFiles(ImageSource):
    """MNIST's form, split as the paper splits Fashion-MNIST (section 2) or as a whole (section 3).

    Args:
        root: Folder in torchvision's layout, `<root>/<name>/raw`; read first, and where a
            download goes.
        split: `paper`: train is the 60,000 training images, val the first and test the last
            5,000 of the test file. `all`: all 70,000 as one split.

    Raises:
        UserError: If there is no such split.
    """

    def __init__(self, *, root: str = "data", split: str = "paper") -> None:
        require_option("data.split", split, ("paper", "all"))
        super().__init__()
        self.root, self.split = Path(root), split

    def read(self) -> dict[str, Split]:
        arrays = self.read_files()
        self._check(arrays)
        train, held_out = (
            Split.from_arrays(
                arrays[f"{name}-images-idx3-ubyte"], arrays[f"{name}-labels-idx1-ubyte"]
            )
            for name in ("train", "t10k")
        )
        if self.split == "all":
            return {"all": train + held_out}
        return {"train": train, "val": held_out[:VAL], "test": held_out[VAL:]}

    def _check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Refuses files of another data set: not all of them have a known checksum."""
        for name, least in (("train", 1), ("t10k", VAL + 1)):
            images = arrays[f"{name}-images-idx3-ubyte"]
            labels = arrays[f"{name}-labels-idx1-ubyte"]
            fits = images.ndim == 3 and labels.shape == images.shape[:1] and len(labels) >= least
            if not fits or labels.max() >= len(self.class_names or ()):
                raise UserError(
                    f"the {name} files below {self.root} are of another data set (images "
                    f"{images.shape}, labels {labels.shape}): type data=idx data.root=<folder>."
                )

    @abstractmethod
    def read_files(self) -> dict[str, np.ndarray]:
        """Returns the name of each file with its uint8 array."""


class FashionMNIST(FourFiles):
    """Fashion-MNIST, split as in the paper (section 2) or as a whole (section 3)."""

    class_names = FASHION_CLASSES

    def read_files(self) -> dict[str, np.ndarray]:
        return read_verified(locate_or_download(self.root))


class MNIST(FourFiles):
    """MNIST's handwritten digits, split as Fashion-MNIST is."""

    class_names = CLASSES["MNIST"]

    def read_files(self) -> dict[str, np.ndarray]:
        return read_or_download("MNIST", self.root)


class KMNIST(FourFiles):
    """Kuzushiji-MNIST's cursive characters, split as Fashion-MNIST is."""

    class_names = CLASSES["KMNIST"]

    def read_files(self) -> dict[str, np.ndarray]:
        return read_or_download("KMNIST", self.root)


def locate_or_download(root: Path) -> Path:
    """Finds the files below `root` or in the system's copy, or downloads them below `root`.

    Returns:
        The folder that holds the four files; they are not verified here.

    Raises:
        UserError: If they are nowhere and the download failed; names the ways to get them.
    """
    found = find_folder(root)
    if found is not None:
        return found
    ways = "Type `make data`, or `apt-get install dataset-fashion-mnist`, or put"
    return download(
        root,
        "FashionMNIST",
        keep=tuple(SHA256),
        verify=read_verified,
        places=f" or {SYSTEM_COPY}",
        ways=ways,
    )


def find_folder(root: Path) -> Path | None:
    """Returns the first folder that holds all four files: below `root`, then the system's."""
    for folder in (root / "FashionMNIST" / "raw", SYSTEM_COPY):
        if all((folder / name).exists() or (folder / f"{name}.gz").exists() for name in SHA256):
            return folder
    return None


def read_verified(folder: Path) -> dict[str, np.ndarray]:
    """Reads the four files and checks each.

    Returns:
        File name to uint8 array: images (N, 28, 28), labels (N,).

    Raises:
        UserError: If a file is damaged; names it, with both checksums.
    """
    arrays = {}
    for name, expected in SHA256.items():
        path = folder / name if (folder / name).exists() else folder / f"{name}.gz"
        raw = read_bytes(path)
        found = hashlib.sha256(raw).hexdigest()
        if found != expected:
            raise UserError(
                f"{path} is damaged: sha256 of its decompressed bytes is {found}, "
                f"expected {expected}. Type rm {shlex.quote(str(path))}, then your command again."
            )
        arrays[name] = parse_idx(raw, str(path))
    return arrays


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
