"""The files of Fashion-MNIST: found locally or downloaded, verified before use."""

import hashlib
import shlex
from pathlib import Path

import numpy as np

from fmclust.data.idx import parse_idx, read_bytes
from fmclust.errors import UserError

CLASSES = (
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
