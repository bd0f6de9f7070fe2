"""Autoencoder networks: pure modules from scaled images to latents and back."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from fmclust.errors import UserError, require_whole, require_whole_numbers


class Network(nn.Module):
    """What every autoencoder is: an encoder and a decoder, built by its subclass."""

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """Maps float32 images in 0..1, shape (N, 1, H, W), to latents of shape (N, latents)."""
        return self.encoder(images)

    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents of shape (N, latents) to images in 0..1, shape (N, 1, H, W)."""
        return self.decoder(latents)


class ConvAutoencoder(Network):
    """Convolutional autoencoder (the paper, sections 1.2, 4.2 and 5.2).

    Each channel count is a 3x3 convolution of stride 2 with ReLU; a linear layer gives the
    latents. The decoder is its mirror image and ends in a sigmoid.

    A stem of s > 1 folds every patch of s x s pixels into channels first, and the first
    convolution then keeps its size: fewer and wider products, which are faster.

    Args:
        image_size: Height and width of the images in pixels.
        latents: Number of latents of an image.
        channels: Channels after each convolution, outermost first.
        stem: Side of the patches in pixels; 1 for none.

    Raises:
        UserError: If the images can't be cut into such patches.
    """

    def __init__(
        self, *, image_size: Sequence[int], latents: int, channels: Sequence[int], stem: int = 1
    ) -> None:
        super().__init__()
        require_whole_numbers("model.channels", channels)
        require_whole("model.stem", stem, 1)
        if any(side % stem for side in image_size):
            raise UserError(
                f"model.stem={stem} can't cut images of {image_size[0]}x{image_size[1]} pixels: "
                "type model.stem= with a number that divides both sides."
            )
        widths = [1, *channels] if stem == 1 else [*channels]
        sizes = [(image_size[0] // stem, image_size[1] // stem)]
        for _ in widths[1:]:
            height, width = sizes[-1]
            sizes.append(((height + 1) // 2, (width + 1) // 2))
        flat = widths[-1] * sizes[-1][0] * sizes[-1][1]

        encoder: list[nn.Module] = []
        if stem > 1:
            fold = nn.Conv2d(stem * stem, widths[0], 3, padding=1)
            encoder += [nn.PixelUnshuffle(stem), fold, nn.ReLU()]
        for inner, outer in zip(widths, widths[1:], strict=False):
            encoder += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.ReLU()]
        self.encoder = nn.Sequential(*encoder, nn.Flatten(), nn.Linear(flat, latents))

        decoder: list[nn.Module] = [
            nn.Linear(latents, flat),
            nn.ReLU(),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
        ]
        for level in reversed(range(len(widths) - 1)):
            height, width = sizes[level]
            decoder += [
                nn.ConvTranspose2d(
                    widths[level + 1],
                    widths[level],
                    3,
                    stride=2,
                    padding=1,
                    output_padding=(1 - height % 2, 1 - width % 2),
                ),
                nn.ReLU(),
            ]
        if stem > 1:
            decoder += [nn.Conv2d(widths[0], stem * stem, 3, padding=1), nn.PixelShuffle(stem)]
        else:
            decoder.pop()
        decoder.append(nn.Sigmoid())
        self.decoder = nn.Sequential(*decoder)


NETWORKS: dict[str, Callable[..., Network]] = {"convae": ConvAutoencoder}
