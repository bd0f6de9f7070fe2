"""Autoencoder networks: pure modules from scaled images to latents and back."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from fmclust.errors import (
    UserError,
    require_number,
    require_option,
    require_whole,
    require_whole_numbers,
)
from fmclust.models.layers import Permute, TransposedLinear, convolution, steps, transposed

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}


class Network(nn.Module):
    """What every autoencoder is: an encoder and a decoder, built by its subclass."""

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """Maps float32 images of shape (N, 1, H, W) to latents of shape (N, latents)."""
        return self.encoder(images)

    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents of shape (N, latents) to images of shape (N, 1, H, W)."""
        return self.decoder(latents)


class ConvAutoencoder(Network):
    """Convolutional autoencoder (the paper, sections 1.2, 4.2 and 5.2).

    Convolutions, then fully connected layers, of which the last gives the latents. The decoder is
    the mirror image.

    Args:
        image_size: Height and width of the images in pixels.
        latents: Number of latents of an image.
        channels: Channels after each convolution, outermost first.
        kernel: Side of every convolution's kernel in pixels.
        stride: Pixels from one kernel to the next.
        hidden: Units of the layers between convolutions and latents, outermost first; may be empty.
        activation: Key of `ACTIVATIONS`, of all layers between.
        output: Key of `ACTIVATIONS`, of the decoder's last layer.
        dropout: Share of the units between that are left out while training.

    Raises:
        UserError: If no convolution has this kernel and stride, or the images are too small.
    """

    def __init__(
        self,
        *,
        image_size: Sequence[int],
        latents: int,
        channels: Sequence[int],
        kernel: int = 3,
        stride: int = 2,
        hidden: Sequence[int] = (),
        activation: str = "relu",
        output: str = "sigmoid",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        require_whole_numbers("model.channels", channels)
        require_whole("model.stride", stride, 1)
        require_whole("model.kernel", kernel, stride)
        shape = {"kernel": kernel, "stride": stride}
        widths = [1, *channels]
        sizes = [(image_size[0], image_size[1])]
        for _ in channels:
            height, width = (steps(side, **shape) for side in sizes[-1])
            if min(height, width) < 1:
                raise UserError(
                    f"images of {image_size[0]}x{image_size[1]} pixels are too small for "
                    f"model.channels={[*channels]}, model.kernel={kernel} and "
                    f"model.stride={stride}, with which {smallest(len(channels), **shape)} pixels "
                    "a side and more work: type fewer channels, or a smaller kernel or stride."
                )
            sizes.append((height, width))
        (height, width), deepest = sizes[-1], widths[-1]
        flat = deepest * height * width

        encoder: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            encoder += [convolution(inner, outer, **shape), *activation_layers(activation, dropout)]
        encoder += [Permute(0, 2, 3, 1), nn.Flatten()]
        encoder += encoder_layers([flat, *hidden, latents], activation, dropout)
        self.encoder = nn.Sequential(*encoder)

        decoder: list[nn.Module] = [
            *decoder_layers([latents, *hidden[::-1], flat], activation, dropout),
            nn.Unflatten(1, (height, width, deepest)),
            Permute(0, 3, 1, 2),
        ]
        mirrored = zip(pairwise(widths[::-1]), pairwise(sizes[::-1]), strict=True)
        for (outer, inner), (small, large) in mirrored:
            decoder += activation_layers(activation, dropout)
            decoder.append(transposed(outer, inner, **shape, sizes=(large, small)))
        self.decoder = nn.Sequential(*decoder, ACTIVATIONS[output]())


def smallest(n_convolutions: int, *, kernel: int, stride: int) -> int:
    """Returns the least side in pixels that convolutions in a row leave something of."""
    side = 1
    for _ in range(n_convolutions):
        wanted = side
        while steps(side, kernel=kernel, stride=stride) < wanted:
            side += 1
    return side


class DenseAutoencoder(Network):
    """Autoencoder of fully connected layers: vanilla without more hidden ones, else multilayer.

    The paper, section 1.2. The decoder is the encoder's mirror image.

    Args:
        image_size: Height and width of the images in pixels.
        latents: Number of latents of an image: the units of the innermost layer.
        hidden: Units of the layers between pixels and latents, outermost first; may be empty.
        activation: Key of `ACTIVATIONS`, of the layers between.
        latent_activation: Key of `ACTIVATIONS`, of the latents themselves.
        output: Key of `ACTIVATIONS`, of the decoder's last layer.
        dropout: Share of the units between that are left out while training.

    Raises:
        UserError: If an option is unknown or a number out of range.
    """

    def __init__(
        self,
        *,
        image_size: Sequence[int],
        latents: int,
        hidden: Sequence[int],
        activation: str = "relu",
        output: str = "sigmoid",
        latent_activation: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        require_option("model.latent_activation", latent_activation, ACTIVATIONS)
        widths = [image_size[0] * image_size[1], *hidden, latents]
        self.encoder = nn.Sequential(
            nn.Flatten(),
            *encoder_layers(widths, activation, dropout),
            ACTIVATIONS[latent_activation](),
        )
        self.decoder = nn.Sequential(
            *decoder_layers(widths[::-1], activation, dropout),
            ACTIVATIONS[output](),
            nn.Unflatten(1, (1, *image_size)),
        )


def encoder_layers(widths: Sequence[int], activation: str, dropout: float) -> list[nn.Module]:
    """Makes the fully connected layers that lead to the latents, in `widths` the last."""
    require_whole_numbers("model.hidden", widths[1:])
    return chained(nn.Linear, widths, activation, dropout)


def decoder_layers(widths: Sequence[int], activation: str, dropout: float) -> list[nn.Module]:
    """Makes the fully connected layers that lead from the latents, in `widths` the first."""
    return chained(TransposedLinear, widths, activation, dropout)


def chained(
    layer: Callable[[int, int], nn.Module], widths: Sequence[int], activation: str, dropout: float
) -> list[nn.Module]:
    """Makes layers from each width to the next, with what stands between them."""
    layers: list[nn.Module] = []
    for incoming, outgoing in pairwise(widths):
        layers += [*activation_layers(activation, dropout), layer(incoming, outgoing)]
    return layers[len(activation_layers(activation, dropout)) :]


def activation_layers(activation: str, dropout: float) -> list[nn.Module]:
    """Makes what stands between two layers."""
    require_option("model.activation", activation, ACTIVATIONS)
    require_number("model.dropout", dropout)
    if dropout >= 1:
        raise UserError(f"model.dropout={dropout} is too large: type model.dropout= below 1.")
    return [ACTIVATIONS[activation](), *([nn.Dropout(dropout)] if dropout else [])]


NETWORKS: dict[str, Callable[..., Network]] = {
    "convae": ConvAutoencoder,
    "dense": DenseAutoencoder,
}
