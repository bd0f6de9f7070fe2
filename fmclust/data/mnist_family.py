"""Fashion-MNIST, and MNIST and Kuzushiji-MNIST, which have the same four files.

The files are found locally or downloaded, and verified before use.
"""

import hashlib
import shlex
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from fmclust.data.download import download
from fmclust.data.idx import find_file, header_of, read_idx
from fmclust.data.kinds import holds_other_images, unfit
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_option

N_VAL = 5000  # images of the test file (the paper, section 2)
SYSTEM_COPY = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
# The files of the family, with the checksums of Fashion-MNIST's decompressed bytes: Debian
# compresses the files anew, so that torchvision's md5 do not match.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class FourFiles(ImageSource):
    """A data set of torchvision in MNIST's format; a subclass is named like torchvision's class.

    Args:
        root: Folder in torchvision's layout, `<root>/<name>/raw`; it is searched first, and
            downloads are saved there.
        split: `paper`: train is the 60,000 training images, val the first and test the last
            5,000 of the test file. `all`: all 70,000 as one split.

    Raises:
        UserError: If the split is unknown.
    """

    class_names: tuple[str, ...]
    advice: ClassVar[str] = "Put"  # how to get the files if the download fails

    def __init__(self, *, root: str = "data", split: str = "paper") -> None:
        require_option("data.split", split, ("paper", "all"))
        super().__init__()
        self.root, self.split = Path(root), split

    def read(self) -> dict[str, Split]:
        """Read the files; see `ImageSource.read`."""
        arrays = self.read_files(self.locate())
        train = self._to_split(arrays, "train", min_images=1)
        held_out = self._to_split(arrays, "t10k", min_images=N_VAL + 1)
        if self.split == "all":
            labels = [split.labels for split in (train, held_out) if split.labels is not None]
            return {"all": Split(torch.cat([train.images, held_out.images]), torch.cat(labels))}
        return {"train": train, "val": held_out[:N_VAL], "test": held_out[N_VAL:]}

    def locate(self) -> Path:
        """Return the folder of the four files, which are downloaded if they are not found.

        Raises:
            UserError: If the download fails; names the other ways to get the files. Also if the
                folder has other images.
        """
        for folder in self.folders():
            if all(find_file(folder, name).exists() for name in SHA256):
                return folder
        if self.root.is_file() or holds_other_images(self.root):
            raise unfit(self.root, "fashion_mnist", "torchvision's folder", "data=folder")
        return download(self.root, type(self).__name__, self.advice)

    def folders(self) -> list[Path]:
        """Return the folders to search."""
        return [self.root / type(self).__name__ / "raw"]

    def read_files(self, folder: Path) -> dict[str, NDArray[np.uint8]]:
        """Read and verify the four files.

        Returns:
            File name without `.gz` to uint8 array: images (N, 28, 28), labels (N,).

        Raises:
            UserError: If a file is damaged.
        """
        arrays = {}
        for name in SHA256:
            path = find_file(folder, name)
            try:
                arrays[name] = read_idx(path)
                self.verify(path, arrays[name])
            except UserError as error:
                command = f"rm {shlex.quote(str(path))}"
                problem = str(error).removesuffix(".")
                raise UserError(
                    f"{path} is damaged: {problem}. Type {command}, then your command again."
                ) from error
        return arrays

    def verify(self, path: Path, values: NDArray[np.uint8]) -> None:  # noqa: ARG002 a subclass's
        """Compare a compressed file with its md5; torchvision has no checksums of other files.

        Raises:
            UserError: If they differ.
        """
        from torchvision import datasets  # slow to import, and not needed for Fashion-MNIST

        if path.suffix == ".gz":
            md5 = dict(getattr(datasets, type(self).__name__).resources)[path.name]
            compare("md5", path.read_bytes(), md5)

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
    advice = "Type `make data`, or `apt-get install dataset-fashion-mnist`, or put"

    def folders(self) -> list[Path]:
        """Return the folders to search: the system's copy is the last."""
        return [*super().folders(), SYSTEM_COPY]

    def verify(self, path: Path, values: NDArray[np.uint8]) -> None:
        """Compare the decompressed content of a file with its sha256; see `FourFiles.verify`."""
        content = header_of(values.shape) + values.tobytes()
        compare("sha256", content, SHA256[path.name.removesuffix(".gz")])


class MNIST(FourFiles):
    """MNIST's handwritten digits, split as Fashion-MNIST is."""

    class_names = tuple("0123456789")


class KMNIST(FourFiles):
    """Kuzushiji-MNIST's cursive characters, split as Fashion-MNIST is."""

    class_names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def compare(algorithm: str, content: bytes, expected: str) -> None:
    """Raise UserError if content does not have the expected checksum."""
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise UserError(f"its {algorithm} is {found}, expected {expected}")
