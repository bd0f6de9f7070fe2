"""Base class of all encoders, the only encoder class that code outside this package uses."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class StepLosses(NamedTuple):
    """The losses of a training batch, float32 scalars.

    Attributes:
        minimized: Loss that the optimizer minimizes.
        logged: Loss that `loss/train` averages: without penalties, comparable with `loss/val`.
    """

    minimized: Tensor
    logged: Tensor


class Encoder(nn.Module):
    """Map images to latents and, if there is a decoder, latents to images.

    A subclass is named by `_target_` in `conf/model/*.yaml`. Its arguments are the other keys of
    the file, except `name`, and `image_size` (height and width in pixels). A subclass defines
    `encode`; if `can_decode` is True, also `decode`; if `trains` is True, also `training_losses`,
    `validation_loss` and `configure_optimizer`.

    Attributes:
        trains: Whether the encoder has to be trained before it encodes.
        can_decode: Whether latents can be mapped back to images.
        keeps_latents: Whether a run stores the latents; False if they are the images themselves.
        monitor: Loss that a sweep minimizes and `best.ckpt` follows: `loss/val` or `loss/train`.
        loss_name: Name of the loss on the axes of figures.
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
        """Return the mean squared error of each image's reconstruction.

        Args:
            images: uint8 tensor of shape (N, 1, H, W).
            latents: float32 tensor of shape (N, d), the latents of the images.

        Returns:
            float32 tensor of shape (N,), in squared units of pixels in 0..1.
        """
        return (self.decode(latents) - images / 255).square().mean(dim=(1, 2, 3))

    @property
    def prototypes(self) -> Mapping[str, Any] | None:
        """Initial centres of clusters, `centres` (k, d) and `offsets` (k,), or None."""
        return None

    def training_losses(self, images: Tensor, generator: Generator) -> StepLosses:
        """Compute the losses of a training batch, in float32 outside autocast.

        Args:
            images: uint8 tensor of shape (N, 1, H, W).
            generator: Source of all random numbers, on the device of the images.
        """
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def validation_loss(self, images: Tensor, generator: Generator) -> Tensor:
        """Compute the loss of a validation batch, a float32 scalar; see `training_losses`."""
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def configure_optimizer(self, n_steps: int) -> tuple[Optimizer, LRScheduler]:
        """Return the optimizer and a learning rate schedule over `n_steps` steps."""
        raise NotImplementedError(f"{type(self).__name__} does not train")
