"""The pixels themselves as latents (the paper, part 1)."""

from collections.abc import Sequence

from torch import Tensor

from fmclust.errors import require_option
from fmclust.models.encoder import Encoder
from fmclust.models.preprocessing import PREPROCESSING


class Pixels(Encoder):
    """Encode an image as its pixels; nothing is trained.

    Args:
        image_shape: Channels, height and width of the images.
        preprocessing: Key of `PREPROCESSING`.

    Raises:
        UserError: If the preprocessing is unknown.
    """

    can_decode = True
    keeps_latents = False

    def __init__(self, *, image_shape: Sequence[int], preprocessing: str = "scale") -> None:
        super().__init__()
        require_option("model.preprocessing", preprocessing, PREPROCESSING)
        self.image_shape, self.preprocessing = tuple(image_shape), PREPROCESSING[preprocessing]

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, C, H, W) to float32 of shape (N, C * H * W)."""
        return self.preprocessing.prepare(images).flatten(1)

    def decode(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, C * H * W) to float32 images in 0..1, shape (N, C, H, W)."""
        return self.preprocessing.show(latents.reshape(-1, *self.image_shape))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return uint8 images as float32 in 0..1, same shape."""
        return self.preprocessing.restore(self.preprocessing.prepare(images), images)
