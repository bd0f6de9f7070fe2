"""No network: an image's latents are its pixels (the paper's part 1)."""

from collections.abc import Sequence

from torch import Tensor, nn

MAX_PIXEL = 255.0


def scale(images: Tensor) -> Tensor:
    """Divides uint8 pixels by 255 (the paper, section 3): float32 in 0..1, same shape."""
    return images.float() / MAX_PIXEL


class Pixels(nn.Module):
    """Encodes an image as its scaled pixels; nothing is trained.

    Args:
        image_size: Height and width of the images in pixels.
    """

    def __init__(self, *, image_size: Sequence[int]) -> None:
        super().__init__()
        self.image_size = tuple(image_size)

    def encode(self, images: Tensor) -> Tensor:
        """Maps uint8 images of shape (N, 1, H, W) to float32 of shape (N, H * W)."""
        return scale(images).flatten(1)

    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents of shape (N, H * W) to float32 images of shape (N, 1, H, W)."""
        return latents.unflatten(1, (1, *self.image_size))
