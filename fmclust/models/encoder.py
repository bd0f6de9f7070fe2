"""Base class of all encoders, the only encoder class that code outside this package uses."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class StepLosses(NamedTuple):
    """The losses of a training batch, float32 scalars.

    Attributes:
        minimized: Loss that the optimizer minimizes.
        logged: Losses to average over an epoch and log, by name. `loss/train` is one of them:
            without penalties, comparable with `loss/val`.
    """

    minimized: Tensor
    logged: Mapping[str, Tensor]


class Prototypes(NamedTuple):
    """Centres of clusters on the unit sphere.

    Attributes:
        centres: float32 tensor of shape (k, d).
        offsets: float32 tensor of shape (k,), added to cosine similarities divided by
            `temperature`.
        temperature: Temperature of the similarities.
    """

    centres: Tensor
    offsets: Tensor
    temperature: float


class Encoder(nn.Module):
    """Map images to latents and, if there is a decoder, latents to images.

    A subclass is named by `_target_` in `conf/model/*.yaml`. Its arguments are the other keys of
    the file, except `name`, and `image_shape` (channels, height, width). A subclass defines
    `encode`; if `can_decode` is True, also `decode`; if `trains` is True, also `training_losses`,
    `validation_losses` and `configure_optimizer`.

    Attributes:
        trains: Whether the encoder has to be trained before it encodes.
        is_pretrained: Whether `fetch_weights` loads weights that were trained elsewhere. A run
            keeps a copy of them.
        can_decode: Whether latents can be mapped back to images.
        keeps_latents: Whether a run stores the latents; False if they are the images themselves.
        monitor: Loss that a sweep minimizes and `best.ckpt` follows: `loss/val` or `loss/train`.
        loss_name: Name of the loss on the axes of figures.
    """

    trains: ClassVar[bool] = False
    is_pretrained: ClassVar[bool] = False
    can_decode: ClassVar[bool] = False
    keeps_latents: ClassVar[bool] = True
    monitor: ClassVar[str] = "loss/val"
    loss_name: str = "loss"

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, C, H, W) to float32 latents of shape (N, d)."""
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def fetch_weights(self) -> None:
        """Load weights that were trained elsewhere, once, when a run begins.

        Raises:
            UserError: If they can't be read, or are of another network.
        """
        raise NotImplementedError(f"{type(self).__name__} has no weights of its own")

    def decode(self, latents: Tensor) -> Tensor:
        """Map float32 latents of shape (N, d) to float32 images in 0..1, shape (N, C, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} has no decoder")

    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode uint8 images: float32 in 0..1, same shape (N, C, H, W)."""
        return self.decode(self.encode(images))

    def reconstruction_errors(self, images: Tensor, latents: Tensor) -> Tensor:
        """Return the mean squared error of each image's reconstruction.

        Args:
            images: uint8 tensor of shape (N, C, H, W).
            latents: float32 tensor of shape (N, d), the latents of the images.

        Returns:
            float32 tensor of shape (N,), in squared units of pixels in 0..1.
        """
        return (self.decode(latents) - images / 255).square().mean(dim=(1, 2, 3))

    @property
    def prototypes(self) -> Prototypes | None:
        """Centres of clusters that the encoder has learned, or None."""
        return None

    def start_epoch(self, epoch: int, n_epochs: int) -> int:  # noqa: ARG002 - for subclasses
        """Prepare for an epoch of training.

        Args:
            epoch: Number of the epoch, from 0.
            n_epochs: Number of epochs of the whole training.

        Returns:
            The number of clusters whose centres the encoder needs before the epoch, by
            `set_prototypes`; 0 for none.
        """
        return 0

    def set_prototypes(self, mean: Tensor, prototypes: Prototypes) -> None:
        """Take the centres of clusters of the latents.

        Args:
            mean: float32 tensor of shape (d,), the mean of the latents.
            prototypes: Centres of clusters of the latents minus their mean.
        """
        raise NotImplementedError(f"{type(self).__name__} has no prototypes")

    def example_views(self, images: Tensor, generator: Generator) -> list[Tensor]:  # noqa: ARG002
        """Return random views of images as the encoder sees them in training, for a figure.

        Args:
            images: uint8 tensor of shape (N, C, H, W).
            generator: Source of all random numbers, on the device of the images.

        Returns:
            float32 tensors of the same shape, 0 to 1; empty if it trains on the images themselves.
        """
        return []

    def training_losses(self, images: Tensor, generator: Generator) -> StepLosses:
        """Compute the losses of a training batch, in float32 outside autocast.

        Args:
            images: uint8 tensor of shape (N, C, H, W).
            generator: Source of all random numbers, on the device of the images.
        """
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def validation_losses(self, images: Tensor, generator: Generator) -> Mapping[str, Tensor]:
        """Compute `loss/val` of a validation batch, and any other numbers to log, by name.

        The arguments are those of `training_losses`; the values are float32 scalars.
        """
        raise NotImplementedError(f"{type(self).__name__} does not train")

    def configure_optimizer(self, n_steps: int, n_epochs: int) -> tuple[Optimizer, LRScheduler]:
        """Return the optimizer and a learning rate schedule over all steps of all epochs."""
        raise NotImplementedError(f"{type(self).__name__} does not train")
