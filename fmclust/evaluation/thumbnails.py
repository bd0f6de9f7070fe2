"""Some images of a split, and what the centres decode to: what a page shows clusters by."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from fmclust.runs import replacing

MAX_IMAGES = 3000  # images
MAX_PIXELS = 3000 * 28 * 28  # of them all


def write_thumbnails(
    path: Path, split: str, images: Tensor, centres: Mapping[str, np.ndarray]
) -> None:
    """Writes images, evenly spaced in the order of the file, and decoded centres.

    Args:
        path: The npz file: `split`; `rows` int64 (n,) and `images` uint8 (n, H, W);
            `centres_<name>` uint8 (k, H, W) of each clusterer that has centres.
        split: Whose images.
        images: uint8 tensor of shape (N, 1, H, W).
        centres: Clusterer to its centres as images.
    """
    height, width = images.shape[-2:]
    n = min(MAX_IMAGES, max(1, MAX_PIXELS // (height * width)), len(images))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    arrays = {"split": np.array(split), "rows": rows, "images": images[rows, 0].numpy()}
    arrays |= {f"centres_{name}": decoded for name, decoded in centres.items()}
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
