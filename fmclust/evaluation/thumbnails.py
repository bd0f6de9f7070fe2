"""thumbnails.npz: some images of a split and the decoded centres, for the pages."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fmclust import runs

MAX_IMAGES = 3000
MAX_PIXELS = 3000 * 28 * 28  # of all images together


def write_thumbnails(
    path: Path, split: str, images: Tensor, centres: Mapping[str, NDArray[np.uint8]]
) -> None:
    """Write images, evenly spaced in their order, and decoded centres.

    Args:
        path: The npz file: `split`; `rows` int64 (n,) and `images` uint8 (n, H, W);
            `centres_<name>` uint8 (k, H, W) of each clusterer that has centres.
        split: Name of the images' split.
        images: uint8 tensor of shape (N, 1, H, W).
        centres: Clusterer to its centres as images.
    """
    height, width = images.shape[-2:]
    n = min(MAX_IMAGES, max(1, MAX_PIXELS // (height * width)), len(images))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    arrays = {"split": np.array(split), "rows": rows, "images": images[rows, 0].numpy()}
    arrays |= {f"centres_{name}": decoded for name, decoded in centres.items()}
    with runs.replacing(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **arrays)
