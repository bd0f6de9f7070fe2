"""Encode and decode any number of images in float32, in batches that bound the memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmclust.models.encoder import Encoder
from fmclust.models.preprocessing import channels_last, to_uint8

BATCH = 2048  # images
MAX_VALUES = BATCH * 64 * 64  # of the inputs of a batch; larger images are fewer at a time


def batch_size(shape: Sequence[int]) -> int:
    """Return the number of images, or latents, of a shape to process at once."""
    return max(1, min(BATCH, MAX_VALUES // max(math.prod(shape), 1)))


def encode_all(
    encoder: Encoder, images: Tensor, advance: Callable[[int], None] = lambda _: None
) -> NDArray[np.float32]:
    """Encode images in batches.

    Args:
        encoder: Encoder; its device is used.
        images: uint8 tensor of shape (N, C, H, W), on any device.
        advance: Called with the number of images of each batch, for a bar of progress.

    Returns:
        float32 array of shape (N, d).
    """
    return _in_batches(encoder, encoder.encode, images, advance=advance).numpy()


def decode_all(encoder: Encoder, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Decode latents, float32 of shape (N, d), to images, uint8 (N, H, W) or (N, H, W, 3)."""
    return _images(encoder, encoder.decode, torch.from_numpy(latents))


def reconstruct_all(encoder: Encoder, images: Tensor) -> NDArray[np.uint8]:
    """Reconstruct uint8 images of shape (N, C, H, W) as uint8 (N, H, W) or (N, H, W, 3)."""
    return _images(encoder, encoder.reconstruct, images)


def reconstruction_errors(
    encoder: Encoder, images: Tensor, latents: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the reconstruction error of each image; see `Encoder.reconstruction_errors`.

    Args:
        encoder: Encoder with a decoder; its device is used.
        images: uint8 tensor of shape (N, C, H, W), on any device.
        latents: float32 array of shape (N, d), the latents of the images.

    Returns:
        float32 array of shape (N,).
    """
    codes = torch.from_numpy(latents)
    return _in_batches(encoder, encoder.reconstruction_errors, images, codes).numpy()


def _images(
    encoder: Encoder, compute: Callable[[Tensor], Tensor], inputs: Tensor
) -> NDArray[np.uint8]:
    images = _in_batches(encoder, lambda x: to_uint8(compute(x)), inputs, dtype=torch.uint8)
    return channels_last(images).numpy()


def _in_batches(
    encoder: Encoder,
    compute: Callable[..., Tensor],
    *inputs: Tensor,
    dtype: torch.dtype = torch.float32,
    advance: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Apply a function to batches of the inputs on the encoder's device; see `encode_all`.

    Returns:
        The results on the CPU, one row for each row of the inputs.
    """
    with _in_float32(encoder) as device:
        # Copied into one tensor: small results kept from batch to batch would fragment the memory
        # that the large intermediate tensors reuse.
        row = compute(*(x[:1].to(device) for x in inputs))
        results = torch.empty((len(inputs[0]), *row.shape[1:]), dtype=dtype)
        size = batch_size(inputs[0].shape[1:])
        batches = zip(*(torch.split(x, size) for x in (results, *inputs)), strict=True)
        for result, *batch in batches:
            result.copy_(compute(*(x.to(device) for x in batch)))
            advance(len(result))
    return results


@contextmanager
def _in_float32(encoder: Encoder) -> Iterator[torch.device]:
    """Set evaluation mode and compute in float32, without autocast and TF32.

    A run and a later `assign` then give an image the same latents, at any precision of training.

    Yields:
        The device of the encoder.
    """
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    training, precision = encoder.training, torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    kept = {key: getattr(cudnn, key) for key in ("enabled", "benchmark", "deterministic")}
    encoder.eval()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            cudnn.flags(**kept, allow_tf32=False),
        ):
            yield device
    finally:
        torch.set_float32_matmul_precision(precision)
        encoder.train(training)
