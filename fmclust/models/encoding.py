"""Encoding whole splits in batches of bounded memory."""

import numpy as np
import torch
from torch import Tensor

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.pixels import Pixels

BATCH = 2048


@torch.inference_mode()
def encode_all(
    model: Autoencoder | Pixels, images: Tensor, device: str | torch.device = "cpu"
) -> np.ndarray:
    """Encodes images in batches.

    Args:
        model: Lies on `device`.
        images: uint8 tensor of shape (N, 1, H, W), on any device.
        device: Where the encoding happens.

    Returns:
        float32 array of shape (N, d).
    """
    training = model.training
    model.eval()
    latents = [model.encode(batch.to(device)).float().cpu() for batch in images.split(BATCH)]
    model.train(training)
    return torch.cat(latents).numpy()
