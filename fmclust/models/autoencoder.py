"""Autoencoders: the paper's four kinds (section 1.2)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from fmclust import errors
from fmclust.models.encoder import Encoder, StepLosses
from fmclust.models.networks import NETWORKS
from fmclust.models.optimization import Optimization
from fmclust.models.preprocessing import PREPROCESSING
from fmclust.models.regularizers import PENALTIES

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "bce": functional.binary_cross_entropy,
}


class Autoencoder(Encoder):
    """Encoder trained to minimize the reconstruction loss of a network.

    Args:
        network: Key of `networks.NETWORKS`.
        image_shape: Channels, height and width of the images.
        preprocessing: Key of `preprocessing.PREPROCESSING`.
        loss: `mse` or `bce`, the mean over images and pixels.
        optimizer: See `Optimization`.
        lr: See `Optimization`.
        weight_decay: See `Optimization`.
        schedule: See `Optimization`.
        penalty: Key of `regularizers.PENALTIES`, a term added to the loss in training.
        penalty_weight: Factor of the penalty.
        noise: Standard deviation of the normal noise added to the preprocessed pixels in
            training; the loss compares the outputs with the pixels without noise.
        **axes: Arguments of the network, such as `latents` and `channels`.

    Raises:
        UserError: If an option is unknown or a number out of range.
    """

    trains = True
    can_decode = True

    def __init__(
        self,
        *,
        network: str,
        image_shape: Sequence[int],
        preprocessing: str = "scale",
        loss: str = "mse",
        optimizer: str = "adam",
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: str = "constant",
        penalty: str = "none",
        penalty_weight: float = 0.0,
        noise: float = 0.0,
        **axes: Any,
    ) -> None:
        super().__init__()
        errors.require_option("model.network", network, NETWORKS)
        errors.require_option("model.preprocessing", preprocessing, PREPROCESSING)
        errors.require_option("model.loss", loss, LOSSES)
        if loss == "bce" and preprocessing != "scale":
            raise errors.UserError("model.loss=bce needs pixels in 0..1: type model.loss=mse.")
        errors.require_option("model.penalty", penalty, PENALTIES)
        errors.require_number("model.penalty_weight", penalty_weight)
        errors.require_number("model.noise", noise)
        errors.require_whole("model.latents", axes["latents"], 1)
        self.loss, self.loss_name = LOSSES[loss], f"reconstruction loss ({loss})"
        self.penalty, self.penalty_weight = PENALTIES[penalty], penalty_weight
        self.noise = noise
        self.optimization = Optimization(
            optimizer=optimizer, lr=lr, weight_decay=weight_decay, schedule=schedule
        )
        self.preprocessing = PREPROCESSING[preprocessing]
        axes |= {"image_shape": image_shape, "output": self.preprocessing.output}
        self.network = NETWORKS[network](**axes)

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, C, H, W) to float32 latents of shape (N, latents)."""
        return self.network.encode(self.preprocessing.prepare(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Map latents of shape (N, latents) to float32 images in 0..1, shape (N, C, H, W)."""
        return self.preprocessing.show(self.network.decode(latents))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reconstruct uint8 images: float32 in 0..1, same shape."""
        return self.preprocessing.restore(self.network.decode(self.encode(images)), images)

    def reconstruction_errors(self, images: Tensor, latents: Tensor) -> Tensor:
        """Return the errors of the preprocessed pixels; see `Encoder.reconstruction_errors`."""
        target = self.preprocessing.prepare(images)
        return (self.network.decode(latents) - target).square().mean(dim=(1, 2, 3))

    def training_losses(self, images: Tensor, generator: Generator) -> StepLosses:
        """Return the reconstruction loss; the penalty is added to the minimized loss."""
        target = inputs = self.preprocessing.prepare(images)
        if self.noise:
            drawn = torch.randn(target.shape, generator=generator, device=target.device)
            inputs = target + self.noise * drawn
        latents = self.network.encode(inputs)
        loss = minimized = self._loss(latents, target)
        if self.penalty is not None:
            minimized = loss + self.penalty_weight * self.penalty(self.network, latents)
        return StepLosses(minimized, {"loss/train": loss})

    def validation_losses(
        self,
        images: Tensor,
        generator: Generator,  # noqa: ARG002 - the base class's
    ) -> dict[str, Tensor]:
        """Return the reconstruction loss of the images without noise."""
        target = self.preprocessing.prepare(images)
        return {"loss/val": self._loss(self.network.encode(target), target)}

    def configure_optimizer(
        self,
        n_steps: int,
        n_epochs: int,  # noqa: ARG002 - the base class's
    ) -> tuple[Optimizer, LRScheduler]:
        """Return the optimizer and its schedule; see `Optimization`."""
        return self.optimization.configure(self.parameters(), n_steps)

    def _loss(self, latents: Tensor, target: Tensor) -> Tensor:
        outputs = self.network.decode(latents)
        with torch.autocast(target.device.type, enabled=False):  # bce is unsafe in half precision
            return self.loss(outputs.float(), target)
