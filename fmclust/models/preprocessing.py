"""Preprocessing of pixels, and its inverse for the outputs of a network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_PIXEL = 255.0
MIN_SD = 1e-6  # the standard deviation used for an image of one colour


def scale(images: Tensor) -> Tensor:
    """Divide uint8 pixels by 255 (the paper, section 3): float32 in 0..1, same shape."""
    return images.float() / MAX_PIXEL


def to_uint8(images: Tensor) -> Tensor:
    """Map float images in 0..1 to uint8, same shape."""
    return (images.float() * MAX_PIXEL).round().clamp(0, MAX_PIXEL).byte()


def channels_last(images: Tensor) -> Tensor:
    """Map images of shape (N, C, H, W) to a view (N, H, W), or (N, H, W, 3), to be shown."""
    return images.movedim(1, 3).squeeze(3)


def standardize(images: Tensor) -> Tensor:
    """Give each uint8 image of shape (N, C, H, W) mean 0 and standard deviation 1: float32."""
    return standardized(scale(images))


def standardized(pixels: Tensor) -> Tensor:
    """Give each float image of shape (N, C, H, W) mean 0 and standard deviation 1."""
    mean, sd = _mean_and_sd(pixels)
    return (pixels - mean) / sd


def destandardize(outputs: Tensor, images: Tensor) -> Tensor:
    """Invert `standardize`.

    Args:
        outputs: float tensor of shape (N, C, H, W), reconstructions of standardized images.
        images: uint8 tensor of shape (N, C, H, W), the images before `standardize`.

    Returns:
        float32 tensor of the same shape, clipped to 0..1.
    """
    mean, sd = _mean_and_sd(scale(images))
    return (outputs * sd + mean).clamp(0, 1)


def stretch(outputs: Tensor) -> Tensor:
    """Map the range of each image of shape (N, C, H, W) to 0..1, to display standardized images."""
    low, high = (f(outputs, dim=(1, 2, 3), keepdim=True) for f in (torch.amin, torch.amax))
    return (outputs - low) / (high - low).clamp_min(MIN_SD)


def unchanged(outputs: Tensor, _images: Tensor | None = None) -> Tensor:
    """Return outputs that are in 0..1 already."""
    return outputs


def _mean_and_sd(pixels: Tensor) -> tuple[Tensor, Tensor]:
    sd, mean = torch.std_mean(pixels, dim=(1, 2, 3), keepdim=True, correction=0)
    return mean, sd.clamp_min(MIN_SD)


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessing and the functions that undo it.

    Attributes:
        prepare: Maps uint8 images of shape (N, C, H, W) to the float32 inputs of a network.
        output: Key of `networks.ACTIVATIONS`: activation of the network's last layer.
        restore: Maps a network's outputs and its uint8 inputs to reconstructions in 0..1.
        show: Maps a network's outputs to images in 0..1 if there are no inputs.
    """

    prepare: Callable[[Tensor], Tensor]
    output: str
    restore: Callable[[Tensor, Tensor], Tensor]
    show: Callable[[Tensor], Tensor]


PREPROCESSING = {
    "scale": Preprocessing(scale, "sigmoid", unchanged, unchanged),
    "standardize": Preprocessing(standardize, "none", destandardize, stretch),
}
