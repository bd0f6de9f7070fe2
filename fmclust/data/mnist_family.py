"""Fashion-MNIST, and MNIST and Kuzushiji-MNIST, which have the same four files.

The files are found locally or downloaded, and verified before use.
"""

import hashlib
import io
import shlex
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fmclust.data.download import download
from fmclust.data.idx import MAX_BYTES, find_file, open_binary, read_idx, read_shape, read_values
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split
from fmclust.errors import UserError, one_line, require_option

N_VAL = 5000  # images of the test file (the paper, section 2)
SYSTEM_COPY = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
# Of the decompressed bytes: Debian compresses the files anew, so torchvision's md5 don't apply.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class FourFiles(ImageSource):
    """A data set of torchvision in MNIST's form; a subclass has the name of torchvision's class.

    Args:
        root: Folder in torchvision's layout, `<root>/<name>/raw`; searched first, and where a
            download goes.
        split: `paper`: train is the 60,000 training images, val the first and test the last
            5,000 of the test file. `all`: all 70,000 as one split.

    Raises:
        UserError: If there is no such split.
    """

    class_names: tuple[str, ...]

    def __init__(self, *, root: str = "data", split: str = "paper") -> None:
        require_option("data.split", split, ("paper", "all"))
        super().__init__()
        self.root, self.split = Path(root), split

    def read(self) -> dict[str, Split]:
        """Read the files; see `ImageSource.read`."""
        arrays = self.read_files()
        train = self._to_split(arrays, "train", min_images=1)
        held_out = self._to_split(arrays, "t10k", min_images=N_VAL + 1)
        if self.split == "all":
            labels = [split.labels for split in (train, held_out) if split.labels is not None]
            return {"all": Split(torch.cat([train.images, held_out.images]), torch.cat(labels))}
        return {"train": train, "val": held_out[:N_VAL], "test": held_out[N_VAL:]}

    def read_files(self) -> dict[str, NDArray[np.uint8]]:
        """Return file name to uint8 array: images (N, H, W), labels (N,)."""
        return read_or_download(type(self).__name__, self.root)

    def _to_split(self, arrays: dict[str, NDArray[np.uint8]], name: str, min_images: int) -> Split:
        """Combine images and labels; refuse another data set, as not all have a checksum."""
        images, labels = arrays[f"{name}-images-idx3-ubyte"], arrays[f"{name}-labels-idx1-ubyte"]
        fits = images.ndim == 3 and labels.shape == images.shape[:1] and len(labels) >= min_images
        if not fits or labels.max() >= len(self.class_names):
            raise UserError(
                f"the {name} files below {self.root} are of another data set (images "
                f"{images.shape}, labels {labels.shape}): type data=idx data.root=<folder>."
            )
        return Split.from_arrays(images, labels)


class FashionMNIST(FourFiles):
    """Fashion-MNIST, split as in the paper (section 2) or as a whole (section 3)."""

    class_names = (
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

    def read_files(self) -> dict[str, NDArray[np.uint8]]:
        """Return file name to uint8 array: images (N, 28, 28), labels (N,)."""
        return read_verified(locate_or_download(self.root))


class MNIST(FourFiles):
    """MNIST's handwritten digits, split as Fashion-MNIST is."""

    class_names = tuple("0123456789")


class KMNIST(FourFiles):
    """Kuzushiji-MNIST's cursive characters, split as Fashion-MNIST is."""

    class_names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def locate_or_download(root: Path) -> Path:
    """Find Fashion-MNIST below `root` or in the system's copy, or download it below `root`.

    Returns:
        The folder that holds the four files, which are not verified.

    Raises:
        UserError: If they are not found and the download fails; names the ways to get them.
    """
    advice = "Type `make data`, or `apt-get install dataset-fashion-mnist`, or put"
    return find_folder(root) or download(
        root, "FashionMNIST", keep=tuple(SHA256), verify=read_verified, advice=advice
    )


def find_folder(root: Path) -> Path | None:
    """Return the first folder that holds all four files: below `root`, then the system's."""
    folders = (root / "FashionMNIST" / "raw", SYSTEM_COPY)
    complete = (f for f in folders if all(find_file(f, name) for name in SHA256))
    return next(complete, None)


def read_verified(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four files of Fashion-MNIST and verify their checksums.

    Returns:
        File name to uint8 array: images (N, 28, 28), labels (N,).

    Raises:
        UserError: If a file is damaged; names it, with both checksums.
    """
    arrays = {}
    for name, expected in SHA256.items():
        path = find_file(folder, name) or folder / name
        try:
            with open_binary(path) as file:
                raw = file.read(MAX_BYTES + 1)
            if len(raw) > MAX_BYTES:
                raise OSError(f"it holds more than {MAX_BYTES} bytes")
        except (EOFError, OSError, zlib.error) as error:
            raise _damaged(path, one_line(error)) from error
        _verify(path, "sha256", raw, expected)
        content = io.BytesIO(raw)
        arrays[name] = read_values(content, read_shape(content, path), path)
    return arrays


def read_or_download(name: str, root: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four files of a data set, downloaded first if they are not below `root`.

    Args:
        name: Class of the data set in torchvision.
        root: Folder in torchvision's layout, `<root>/<name>/raw`.

    Returns:
        File name without `.gz` to uint8 array: images (N, 28, 28), labels (N,).

    Raises:
        UserError: If a file is damaged, or the download fails.
    """
    from torchvision import datasets  # slow to import, and not needed for Fashion-MNIST

    # torchvision lists the md5 of the compressed files only.
    md5 = {file.removesuffix(".gz"): md5 for file, md5 in getattr(datasets, name).resources}

    def read(folder: Path) -> dict[str, NDArray[np.uint8]]:
        paths = {file: find_file(folder, file) or folder / file for file in md5}
        for file, path in paths.items():
            if path.suffix == ".gz":
                _verify(path, "md5", path.read_bytes(), md5[file])
        return {file: read_idx(path) for file, path in paths.items()}

    folder = root / name / "raw"
    if not all(find_file(folder, file) for file in md5):
        download(root, name, keep=[f"{file}.gz" for file in md5], verify=read)
    return read(folder)


def _verify(path: Path, algorithm: str, content: bytes, expected: str) -> None:
    """Raise UserError if the content of a file does not have the expected checksum."""
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise _damaged(path, f"its {algorithm} is {found}, expected {expected}")


def _damaged(path: Path, reason: str) -> UserError:
    command = f"rm {shlex.quote(str(path))}"
    return UserError(f"{path} is damaged: {reason}. Type {command}, then your command again.")
