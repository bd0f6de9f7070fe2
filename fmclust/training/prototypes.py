"""Size-balanced clusters of the latents, from which the second stage of an encoder starts."""

import logging

import torch
from torch import Tensor

from fmclust.clustering import BalancedKMeans
from fmclust.models import Encoder, Prototypes, encode_all

log = logging.getLogger(__name__)


def set_balanced_prototypes(encoder: Encoder, images: Tensor, n_clusters: int, seed: int) -> None:
    """Cluster the latents into clusters of equal size, and pass the centres to the encoder.

    Args:
        encoder: Encoder that takes prototypes; its device is used.
        images: uint8 tensor of shape (N, C, H, W).
        n_clusters: Number of clusters.
        seed: Seed of the clustering.
    """
    log.info("Clustering %s latents for the second stage", f"{len(images):,}")
    latents = encode_all(encoder, images)
    mean = latents.mean(axis=0)
    balanced = BalancedKMeans(n_clusters=n_clusters, random_state=seed)
    balanced.fit(latents.astype(float) - mean)
    centres, offsets = (
        torch.from_numpy(values).float()
        for values in (balanced.cluster_centers_, balanced.offsets_)
    )
    prototypes = Prototypes(centres, offsets, balanced.temperature)
    encoder.set_prototypes(torch.from_numpy(mean), prototypes)
