"""thumbnails.npz: some images of a split and the decoded centres, for the pages."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from fmclust import runs
from fmclust.evaluation.results import Evaluation
from fmclust.models import channels_last

MAX_IMAGES = 3000
MAX_SIDE = 96  # pixels; larger images are shrunk
BATCH = 256  # images that are shrunk at a time, in float32
MAX_VALUES = 2600 * 64 * 64  # of all images together: even of noise, the page has at most 5 MB


def write_thumbnails(directory: Path, made: Evaluation) -> None:
    """Write images of the shown split, evenly spaced in their order, and decoded centres.

    The arrays are `split`; `rows` int64 (n,), `images` uint8 (n, H, W) or (n, H, W, 3), and `names`
    str (n,), if the images have names; `centres_<name>` uint8, (k, H, W) or (k, H, W, 3), of each
    clusterer that has centres.

    Args:
        directory: The run directory, or that of a later clustering.
        made: The images and the decoded centres.
    """
    split = made.source.shown_split
    held = made.source.splits[split]
    images = held.images
    n_values = shrunk(images[:1], MAX_SIDE).numel()
    n = min(MAX_IMAGES, max(1, MAX_VALUES // n_values), len(images))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    arrays = {"split": np.array(split), "rows": rows, "images": _pictures(images[rows])}
    if held.names:
        arrays["names"] = np.array([held.names[row] for row in rows.tolist()])
    for name, decoded in made.centres.items():
        channels = torch.from_numpy(decoded.reshape(*decoded.shape[:3], images.shape[1]))
        arrays[f"centres_{name}"] = _pictures(channels.movedim(3, 1))
    with runs.replacing(directory / "thumbnails.npz") as partial:
        np.savez_compressed(partial, allow_pickle=False, **arrays)


def shrunk(images: Tensor, max_side: int) -> Tensor:
    """Shrink images to a maximum side by averaging; smaller ones stay as they are.

    Args:
        images: uint8 tensor of shape (N, C, H, W).
        max_side: Maximum height and width in pixels.

    Returns:
        uint8 tensor of shape (N, C, H', W').
    """
    factor = max(images.shape[-2:]) / max_side
    if factor <= 1:
        return images
    size = [max(1, round(side / factor)) for side in images.shape[-2:]]
    parts = (interpolate(part.float(), size, mode="area") for part in images.split(BATCH))
    return torch.cat([part.round().byte() for part in parts])


def _pictures(images: Tensor) -> NDArray[np.uint8]:
    return channels_last(shrunk(images, MAX_SIDE)).numpy()
