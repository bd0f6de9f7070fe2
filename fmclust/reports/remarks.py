"""Sentences below the tables of a run."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmclust import runs

FEW_IMAGES = 1000  # with fewer, a network learns little that pixels don't show
MAX_PIXELS = 64 * 64  # of an image; a mixture of more needs too much memory
COMPARED = ("data", "n_clusters", "seed")  # keys of the command


def remarks_of(directory: Path, status: Mapping[str, Any]) -> list[str]:
    """Return what a reader of the scores should know: missing labels, a size prior, few images.

    Args:
        directory: The run directory, or that of a later clustering.
        status: Its status.
    """
    n_images, n_unlabelled = sum(status["images"].values()), status.get("unlabelled", 0)
    found = []
    if n_unlabelled:
        found.append(f"{n_unlabelled:,} of {n_images:,} images have no label: they are not scored.")
    folders = runs.clustered_in(directory)
    made = {name: runs.read_clusterings(folder)[name] for name, folder in folders.items()}
    if assumed := [name for name in made if made[name].get("sizes_are_prior")]:
        found.append(f"{', '.join(assumed)}: the sizes of the clusters are a prior, not a finding.")
    trained = bool(runs.read_losses(directory) and runs.read_clusterings(directory))
    may_compare = trained and "changes" not in status and n_images < FEW_IMAGES
    if may_compare and math.prod(status["image_size"]) <= MAX_PIXELS:
        found.append(
            f"With fewer than {FEW_IMAGES:,} images, pixels may do as well. To compare: "
            + _with_pixels(runs.read_overrides(directory))
        )
    return found


def _with_pixels(overrides: Sequence[str]) -> str:
    """Return the command of k-means on the pixels of the same images."""
    kept = [text for text in overrides if re.split(r"[.=/@]", text.lstrip("+~"))[0] in COMPARED]
    # Hydra's quotes are not needed for a path.
    plain = [re.sub(r"^(data\.root)='([^'\\]*)'$", r"\1=\2", text) for text in kept]
    return shlex.join(["python", "-m", "fmclust.train", *plain, "model=pixels", "cluster=kmeans"])
