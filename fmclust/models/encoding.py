"""Encoding whole splits, and decoding latents, in batches of bounded memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.pixels import MAX_PIXEL, Pixels

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
    device = _device_of(model)
    with _evaluating(model):
        # In place: small blocks kept between the large ones of each batch would spoil their reuse.
        width = model.encode(images[:1].to(device)).shape[1]
        latents = torch.empty((len(images), width))
        for encoded, batch in zip(latents.split(BATCH), images.split(BATCH), strict=True):
            encoded.copy_(model.encode(batch.to(device)))
    return latents.numpy()


@torch.inference_mode()
def decode_all(model: Autoencoder | Pixels, latents: np.ndarray) -> np.ndarray:
    """Decodes latents.

    Args:
        model: Decodes on the device that it lies on.
        latents: float32 array of shape (N, d).

    Returns:
        uint8 array of shape (N, H, W).
    """
    device = _device_of(model)
    batches = torch.from_numpy(latents).split(BATCH)
    with _evaluating(model):
        images = [model.decode(batch.to(device)) for batch in batches]
    return to_uint8(torch.cat(images))[:, 0].cpu().numpy()


@torch.inference_mode()
def reconstruct_all(model: Autoencoder | Pixels, images: Tensor) -> np.ndarray:
    """Returns what uint8 images of shape (N, 1, H, W) come back as: uint8 of shape (N, H, W)."""
    device = _device_of(model)
    with _evaluating(model):
        made = [to_uint8(model(batch.to(device))).cpu() for batch in images.split(BATCH)]
    return torch.cat(made)[:, 0].numpy()


@torch.inference_mode()
def reconstruction_errors(model: Autoencoder, images: Tensor, latents: np.ndarray) -> np.ndarray:
    """Returns how far each image is from what its latents decode to.

    Args:
        model: Decodes on the device that it lies on.
        images: uint8 tensor of shape (N, 1, H, W), on any device.
        latents: float32 array of shape (N, latents), what the images were encoded to.

    Returns:
        float32 array of shape (N,): the mean squared difference of the pixels as the network sees
        them.
    """
    errors = torch.empty(len(images))
    encoded = torch.from_numpy(latents)
    batches = zip(*(x.split(BATCH) for x in (errors, images, encoded)), strict=True)
    with _evaluating(model):
        for error, batch, codes in batches:
            wanted = model.preprocessing.prepare(batch.to(model.device))
            decoded = model.network.decode(codes.to(model.device))
            error.copy_((decoded - wanted).square().mean(dim=(1, 2, 3)))
    return errors.numpy()


def _device_of(model: Autoencoder | Pixels) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def to_uint8(images: Tensor) -> Tensor:
    """Maps float images in 0..1 to uint8, same shape."""
    return (images.float() * MAX_PIXEL).round().clamp(0, MAX_PIXEL).byte()
