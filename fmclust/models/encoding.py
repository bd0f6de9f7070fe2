"""Encoding whole splits in batches of bounded memory."""

import numpy as np
import torch
from torch import Tensor

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.pixels import Pixels

BATCH = 2048


@torch.inference_mode()
def encode_all(model: Autoencoder | Pixels, images: Tensor) -> np.ndarray:
    """Encodes images in batches.

    Args:
        model: Encodes on the device that it lies on.
        images: uint8 tensor of shape (N, 1, H, W), on any device.

    Returns:
        float32 array of shape (N, d).
    """
    device = next((p.device for p in model.parameters()), images.device)
    training = model.training
    model.eval()
    # In place: small blocks kept between the large ones of each batch would spoil their reuse.
    width = model.encode(images[:1].to(device)).shape[1]
    latents = torch.empty((len(images), width))
    for encoded, batch in zip(latents.split(BATCH), images.split(BATCH), strict=True):
        encoded.copy_(model.encode(batch.to(device)))
    model.train(training)
    return latents.numpy()
