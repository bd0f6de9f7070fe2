"""The images themselves: the first ones, those of each cluster, its centre, the projector's."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.tensorboard import SummaryWriter

from fmclust.clustering import NOISE, Clustering
from fmclust.evaluation.labels import Labels
from fmclust.plots import draw_named_images, draw_rows

SAMPLES = 16  # of a cluster
FIRST, COLUMNS = 30, 10  # images of the data set, and in a row
PROJECTED = 5000  # latents at most
PROJECTED_WIDTH = 256  # at most: wider rows (pixels, not latents) make files of tens of MB
SPRITE = 8192  # pixels a side at most, which is what the projector takes


def draw_samples(
    clustering: Clustering,
    split: str,
    images: Tensor,
    matching: Mapping[int, int],
    labels: Labels,
    name: str,
) -> Figure:
    """Draws members of every cluster, evenly spaced in the order of the file.

    Args:
        clustering: Whose clusters.
        split: Whose images.
        images: uint8 tensor of shape (N, 1, H, W).
        matching: Cluster id to class; empty without labels.
        labels: For the names of the classes.
        name: The clusterer's.
    """
    clusters = clustering.clusters[split]
    members, names = [], []
    for cluster in [*range(clustering.n_clusters), *([NOISE] if (clusters < 0).any() else [])]:
        rows = np.flatnonzero(clusters == cluster)
        chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
        members.append(images[chosen, 0].numpy())
        names.append(f"{_named(cluster, matching, labels)}: {len(rows):,}")
    title = f"{name}, {split}: samples of every cluster and its size"
    return draw_rows(members, names, title=title, inches=0.45)


def draw_centres(
    centres: np.ndarray, matching: Mapping[int, int], labels: Labels, name: str
) -> Figure:
    """Draws what the centre of every cluster decodes to.

    Args:
        centres: uint8 array of shape (k, H, W).
        matching: Cluster id to class; empty without labels.
        labels: For the names of the classes.
        name: The clusterer's.
    """
    names = [_named(cluster, matching, labels) for cluster in range(len(centres))]
    title = f"{name}: the centres of the clusters, decoded"
    return draw_named_images(centres, names, n_columns=COLUMNS, title=title)


def draw_first_images(images: Tensor, split: str, labels: Labels) -> Figure:
    """Draws the first images of a split, with the names of their classes if there are labels."""
    names = labels.named(split) or []
    title = f"the first images of {split}"
    return draw_named_images(
        images[:FIRST, 0].numpy(), names[:FIRST], n_columns=COLUMNS, title=title
    )


def _named(cluster: int, matching: Mapping[int, int], labels: Labels) -> str:
    if cluster == NOISE:
        return "noise"
    matched = f" ({labels.names[matching[cluster]]})" if cluster in matching else ""
    return f"{cluster}{matched}"


def project(
    writer: SummaryWriter,
    latents: np.ndarray,
    images: Tensor,
    clusters: Mapping[str, np.ndarray],
    class_names: list[str] | None,
) -> None:
    """Shows the first latents in TensorBoard's projector, each with its image.

    Args:
        writer: TensorBoard's.
        latents: float32 array of shape (N, d).
        images: uint8 tensor of shape (N, 1, H, W).
        clusters: Name of a clusterer to int64 ids of shape (N,).
        class_names: The name of each latent's class, or None without labels.
    """
    height, width = images.shape[-2:]
    side = max(height, width)
    n = min(PROJECTED, (SPRITE // side) ** 2, len(latents))
    columns = {f"cluster of {name}": ids[:n].astype(str).tolist() for name, ids in clusters.items()}
    if class_names is not None:
        columns = {"class": class_names[:n]} | columns
    columns["index"] = list(map(str, range(n)))  # with two columns at least, the header counts
    square = pad(images[:n].float() / 255, (0, side - width, 0, side - height))
    writer.add_embedding(
        torch.from_numpy(latents[:n]),
        metadata=list(zip(*columns.values(), strict=True)),
        metadata_header=list(columns),
        label_img=square,
        tag="latents",
    )
