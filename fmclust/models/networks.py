"""Autoencoder networks: modules that map scaled images to latents and latents to images."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from fmclust import errors
from fmclust.models import layers

Blocks = list[list[nn.Module]]  # layers up to the next activation
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}


class Network(nn.Module):
    """An encoder and a decoder, built by a subclass."""

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """Map float32 images of shape (N, C, H, W) to latents of shape (N, latents)."""
        latents: Tensor = self.encoder(images)
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, latents) to images of shape (N, C, H, W)."""
        images: Tensor = self.decoder(latents)
        return images


class ConvAutoencoder(Network):
    """Convolutional autoencoder (the paper, sections 1.2, 4.2 and 5.2).

    Convolutions are followed by fully connected layers, the last of which computes the latents.
    The decoder mirrors the encoder.

    Args:
        image_shape: Channels, height and width of the images.
        latents: Number of latents of an image.
        channels: Channels after each convolution, outermost first.
        kernel: Side of the kernels in pixels, one number for all or one for each convolution.
        stride: Stride of every convolution in pixels.
        hidden: Units of the layers from the convolutions to the latents, outermost first; may be
            empty.
        activation: Key of `ACTIVATIONS`, of all hidden layers.
        output: Key of `ACTIVATIONS`, of the decoder's last layer.
        dropout: Probability of dropping a hidden unit in training.

    Raises:
        UserError: If an option is unknown, a number is out of range, or the images are too small.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        latents: int,
        channels: Sequence[int],
        kernel: int | Sequence[int] = 3,
        stride: int = 2,
        hidden: Sequence[int] = (),
        activation: str = "relu",
        output: str = "sigmoid",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        errors.require_whole_numbers("model.channels", channels)
        errors.require_whole("model.stride", stride, 1)
        errors.require_whole_numbers("model.hidden", hidden)
        kernels = _kernels(kernel, len(channels), stride)
        sizes = _sizes(image_shape[1:], kernels, stride)
        channels, innermost = [image_shape[0], *channels], (*sizes[-1], channels[-1])
        widths = [prod(innermost), *hidden, latents]

        encoder: Blocks = [
            [layers.convolution(*pair, kernel=side, stride=stride)]
            for pair, side in zip(pairwise(channels), kernels, strict=True)
        ]
        dense: Blocks = [[nn.Linear(*pair)] for pair in pairwise(widths)]
        dense[0] = [layers.Permute(0, 2, 3, 1), nn.Flatten(), *dense[0]]
        self.encoder = nn.Sequential(*_activated([*encoder, *dense], activation, dropout))

        decoder: Blocks = [[layers.TransposedLinear(*pair)] for pair in pairwise(widths[::-1])]
        decoder[-1] += [nn.Unflatten(1, innermost), layers.Permute(0, 3, 1, 2)]
        mirrored = zip(pairwise(channels[::-1]), pairwise(sizes[::-1]), kernels[::-1], strict=True)
        for pair, (small, large), side in mirrored:
            shape = {"kernel": side, "stride": stride}
            decoder += [[layers.transposed(*pair, **shape, sizes=(large, small))]]
        self.decoder = nn.Sequential(
            *_activated(decoder, activation, dropout), ACTIVATIONS[output]()
        )


class DenseAutoencoder(Network):
    """Autoencoder of fully connected layers: vanilla or multilayer (the paper, section 1.2).

    The decoder mirrors the encoder.

    Args:
        image_shape: Channels, height and width of the images.
        latents: Number of latents of an image: the units of the innermost layer.
        hidden: Units of the layers from the pixels to the latents, outermost first; may be empty.
        activation: Key of `ACTIVATIONS`, of the hidden layers.
        latent_activation: Key of `ACTIVATIONS`, of the latents themselves.
        output: Key of `ACTIVATIONS`, of the decoder's last layer.
        dropout: Probability of dropping a hidden unit in training.

    Raises:
        UserError: If an option is unknown or a number is out of range.
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int],
        latents: int,
        hidden: Sequence[int],
        activation: str = "relu",
        output: str = "sigmoid",
        latent_activation: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        errors.require_option("model.latent_activation", latent_activation, ACTIVATIONS)
        errors.require_whole_numbers("model.hidden", hidden)
        widths = [prod(image_shape), *hidden, latents]
        encoder: Blocks = [[nn.Linear(*pair)] for pair in pairwise(widths)]
        decoder: Blocks = [[layers.TransposedLinear(*pair)] for pair in pairwise(widths[::-1])]
        self.encoder = nn.Sequential(
            nn.Flatten(),
            *_activated(encoder, activation, dropout),
            ACTIVATIONS[latent_activation](),
        )
        self.decoder = nn.Sequential(
            *_activated(decoder, activation, dropout),
            ACTIVATIONS[output](),
            nn.Unflatten(1, tuple(image_shape)),
        )


def _kernels(kernel: int | Sequence[int], n: int, stride: int) -> list[int]:
    """Return the side of the kernel of each of n convolutions.

    Raises:
        UserError: If there is not one number for each, or one is below the stride.
    """
    kernels = [*kernel] if isinstance(kernel, Sequence) else [kernel] * n
    for side in kernels:
        errors.require_whole("model.kernel", side, stride)
    if len(kernels) != n:
        raise errors.UserError(
            f"model.kernel={kernels} has {len(kernels)} numbers for {n} convolutions: type "
            f"model.kernel={kernels[0] if kernels else stride}, or one number for each."
        )
    return kernels


def _sizes(size: Sequence[int], kernels: Sequence[int], stride: int) -> list[tuple[int, int]]:
    """Return height and width of the images and after each convolution.

    Raises:
        UserError: If a convolution leaves nothing of the images.
    """
    sizes = [(size[0], size[1])]
    for kernel in kernels:
        height, width = (layers.steps(n, kernel=kernel, stride=stride) for n in sizes[-1])
        sizes.append((height, width))
    if min(min(size) for size in sizes) < 1:
        raise errors.UserError(
            f"images of {size[0]}x{size[1]} pixels are too small for "
            f"convolutions with model.kernel={[*kernels]} and model.stride={stride}, which need "
            f"at least {layers.min_side(kernels, stride)} pixels a side: type fewer "
            "channels, or a smaller kernel or stride."
        )
    return sizes


def _activated(blocks: Blocks, activation: str, dropout: float) -> list[nn.Module]:
    """Chain blocks of layers with an activation, and dropout, after each block but the last."""
    errors.require_option("model.activation", activation, ACTIVATIONS)
    errors.require_number("model.dropout", dropout)
    if dropout >= 1:
        problem = f"model.dropout={dropout} is too large"
        raise errors.UserError(f"{problem}: type model.dropout= below 1.")
    chained = [*blocks[0]]
    for block in blocks[1:]:
        chained.append(ACTIVATIONS[activation]())
        if dropout:
            chained.append(nn.Dropout(dropout))
        chained += block
    return chained


NETWORKS: dict[str, Callable[..., Network]] = {
    "convae": ConvAutoencoder,
    "dense": DenseAutoencoder,
}
