"""What every encoder offers. Nothing outside this package asks for a class."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class StepLosses(NamedTuple):
    """The losses of a training batch, float32 scalars.

    Attributes:
        minimized: What the optimizer minimizes.
        logged: What `loss/train` averages: comparable with `loss/val`, so without penalties.
    """

    minimized: Tensor
    logged: Tensor


class Encoder(nn.Module):
    """Maps images to latents and, where there is a decoder, latents to images.

    A subclass is named by `_target_` in `conf/model/*.yaml`; the other keys there, but for `name`,
    are its arguments, and `image_size` (height and width in pixels) is one more. It defines
    `encode`; with `can_decode` also `decode`; with `trains` also `training_losses`,
    `validation_loss` and `configure_optimizer`.

    Attributes:
        trains: Whether it has to be trained before it encodes.
        can_decode: Whether latents can be mapped back to images.
        keeps_latents: Whether a run stores its latents; not where they are the images themselves.
        monitor: What a sweep minimizes and `best.ckpt` follows: `loss/val` or `loss/train`.
        loss_name: What the loss is, for axes of figures.
    """

    trains: ClassVar[bool] = False
    can_decode: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = True
    monitor: ClassVar[str] = "loss/val"
    loss_name: str = "loss"

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, 1, H, W) to float32 latents of shape (N, d)."""
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def decode(self, latents: Tensor) -> Tensor:
        """Map float32 latents of shape (N, d) to float32 images in 0..1, shape (N, 1, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} has no decoder")

    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode uint8 images: float32 in 0..1, same shape (N, 1, H, W)."""
        return self.decode(self.encode(images))

    def reconstruction_errors(self, images: Tensor, latents: Tensor) -> Tensor:
        """Return the mean squared difference of each image to what its latents decode to.

        Args:
            images: uint8 tensor of shape (N, 1, H, W).
            latents: float32 tensor of shape (N, d), what the images were encoded to.

        Returns:
            float32 tensor of shape (N,), in squared units of pixels in 0..1.
        """
        return (self.decode(latents) - images / 255).square().mean(dim=(1, 2, 3))

    @property
    def prototypes(self) -> Mapping[str, Any] | None:
        """Initial centres for a clusterer, `centres` (k, d) and `offsets` (k,); None without."""
        return None

    def training_losses(self, images: Tensor, generator: Generator) -> StepLosses:
        """Compute the losses of a training batch, in float32 outside autocast.

        Args:
            images: uint8 tensor of shape (N, 1, H, W).
            generator: What is drawn at random is drawn from it; it lies on the images' device.
        """
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def validation_loss(self, images: Tensor, generator: Generator) -> Tensor:
        """Compute the loss of a validation batch, a float32 scalar; see `training_losses`."""
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def configure_optimizer(self, n_steps: int) -> tuple[Optimizer, LRScheduler]:
        """Return the optimizer and its schedule, stepped after each of `n_steps` steps."""
        raise NotImplementedError(f"{type(self).__name__} does not train")
