"""thumbnails.npz: some images of a split and the decoded centres, for the pages."""

from pathlib import Path

import numpy as np

from fmclust import runs
from fmclust.evaluation.results import Evaluation

MAX_IMAGES = 3000
MAX_PIXELS = 3000 * 28 * 28  # of all images together


def write_thumbnails(directory: Path, made: Evaluation) -> None:
    """Write images of the shown split, evenly spaced in their order, and decoded centres.

    The arrays are `split`; `rows` int64 (n,) and `images` uint8 (n, H, W); `centres_<name>` uint8
    (k, H, W) of each clusterer that has centres.

    Args:
        directory: The run directory, or that of a later clustering.
        made: The images and the decoded centres.
    """
    split = made.source.shown_split
    images = made.source.splits[split].images
    n = min(MAX_IMAGES, max(1, MAX_PIXELS // images[0].numel()), len(images))
    rows = np.linspace(0, len(images) - 1, n).astype(np.int64)
    arrays = {"split": np.array(split), "rows": rows, "images": images[rows, 0].numpy()}
    arrays |= {f"centres_{name}": decoded for name, decoded in made.centres.items()}
    with runs.replacing(directory / "thumbnails.npz") as partial:
        np.savez_compressed(partial, allow_pickle=False, **arrays)
