"""Encoding and decoding any number of images, in batches of bounded memory, in float32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from fmclust.models.encoder import Encoder
from fmclust.models.preprocessing import MAX_PIXEL

BATCH = 2048


def encode_all(encoder: Encoder, images: Tensor) -> np.ndarray:
    """Encode images in batches.

    Args:
        encoder: Encodes on the device that it lies on.
        images: uint8 tensor of shape (N, 1, H, W), on any device.

    Returns:
        float32 array of shape (N, d).
    """
    with _exactly(encoder) as device:
        # In place: small blocks kept between the large ones of each batch would spoil their reuse.
        width = encoder.encode(images[:1].to(device)).shape[1]
        latents = torch.empty((len(images), width))
        for encoded, batch in zip(latents.split(BATCH), images.split(BATCH), strict=True):
            encoded.copy_(encoder.encode(batch.to(device)))
    return latents.numpy()


def decode_all(encoder: Encoder, latents: np.ndarray) -> np.ndarray:
    """Decode latents, float32 of shape (N, d), to images, uint8 of shape (N, H, W)."""
    return _images(encoder, encoder.decode, torch.from_numpy(latents))


def reconstruct_all(encoder: Encoder, images: Tensor) -> np.ndarray:
    """Reconstruct uint8 images of shape (N, 1, H, W): uint8 of shape (N, H, W)."""
    return _images(encoder, encoder.reconstruct, images)


def reconstruction_errors(encoder: Encoder, images: Tensor, latents: np.ndarray) -> np.ndarray:
    """Return how far each image is from what its latents decode to.

    Args:
        encoder: Decodes on the device that it lies on.
        images: uint8 tensor of shape (N, 1, H, W), on any device.
        latents: float32 array of shape (N, d), what the images were encoded to.

    Returns:
        float32 array of shape (N,), see `Encoder.reconstruction_errors`.
    """
    errors = torch.empty(len(images))
    encoded = torch.from_numpy(latents)
    batches = zip(*(x.split(BATCH) for x in (errors, images, encoded)), strict=True)
    with _exactly(encoder) as device:
        for error, batch, codes in batches:
            error.copy_(encoder.reconstruction_errors(batch.to(device), codes.to(device)))
    return errors.numpy()


def to_uint8(images: Tensor) -> Tensor:
    """Map float images in 0..1 to uint8, same shape."""
    return (images.float() * MAX_PIXEL).round().clamp(0, MAX_PIXEL).byte()


def _images(encoder: Encoder, make: Callable[[Tensor], Tensor], inputs: Tensor) -> np.ndarray:
    with _exactly(encoder) as device:
        made = [to_uint8(make(batch.to(device))).cpu() for batch in inputs.split(BATCH)]
    return torch.cat(made)[:, 0].numpy()


@contextmanager
def _exactly(encoder: Encoder) -> Iterator[torch.device]:
    """Put an encoder into evaluation mode and compute in float32: no autocast, no TF32.

    A run and a later `assign` then encode an image alike, whatever precision trained the encoder.

    Yields:
        The device that the encoder lies on.
    """
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    training, precision = encoder.training, torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    kept = {"benchmark": cudnn.benchmark, "deterministic": cudnn.deterministic}
    encoder.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            cudnn.flags(enabled=cudnn.enabled, allow_tf32=False, **kept),
        ):
            yield device
    finally:
        torch.set_float32_matmul_precision(precision)
        encoder.train(training)
