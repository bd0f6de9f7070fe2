"""What is done to pixels before a network, and undone behind it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_PIXEL = 255.0
MIN_SD = 1e-6  # of an image of one colour


def scale(images: Tensor) -> Tensor:
    """Divides uint8 pixels by 255 (the paper, section 3): float32 in 0..1, same shape."""
    return images.float() / MAX_PIXEL


def standardize(images: Tensor) -> Tensor:
    """Gives each uint8 image of shape (N, 1, H, W) mean 0 and standard deviation 1: float32."""
    mean, sd = _mean_and_sd(images)
    return (scale(images) - mean) / sd


def destandardize(outputs: Tensor, images: Tensor) -> Tensor:
    """Gives what stands for standardized images their mean and standard deviation back: 0..1."""
    mean, sd = _mean_and_sd(images)
    return (outputs * sd + mean).clamp(0, 1)


def stretch(outputs: Tensor) -> Tensor:
    """Spreads each image, of shape (N, 1, H, W), over 0..1: what to show of standardized ones."""
    least, most = (f(outputs, dim=(1, 2, 3), keepdim=True) for f in (torch.amin, torch.amax))
    return (outputs - least) / (most - least).clamp_min(MIN_SD)


def _mean_and_sd(images: Tensor) -> tuple[Tensor, Tensor]:
    sd, mean = torch.std_mean(scale(images), dim=(1, 2, 3), keepdim=True, correction=0)
    return mean, sd.clamp_min(MIN_SD)


@dataclass(frozen=True)
class Preprocessing:
    """What is done to pixels, and how to look at what comes out of a network.

    Attributes:
        prepare: uint8 images of shape (N, 1, H, W) to what a network reconstructs, float32.
        output: Key of `networks.ACTIVATIONS`, of the network's last layer.
        restore: A network's outputs and the images that went in, to reconstructions in 0..1.
        show: A network's outputs to images in 0..1, where no image went in.
    """

    prepare: Callable[[Tensor], Tensor]
    output: str
    restore: Callable[[Tensor, Tensor], Tensor]
    show: Callable[[Tensor], Tensor]


PREPROCESSING = {
    "scale": Preprocessing(scale, "sigmoid", lambda outputs, images: outputs, lambda o: o),
    "standardize": Preprocessing(standardize, "none", destandardize, stretch),
}
