"""The one LightningModule: trains any network of `networks.py` to reconstruct images."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from fmclust.errors import UserError, require_number, require_option, require_whole
from fmclust.models.networks import NETWORKS
from fmclust.models.pixels import PREPROCESSING
from fmclust.models.regularizers import PENALTIES

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "bce": functional.binary_cross_entropy,
}
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
LOOK_EVERY = 50  # steps on a GPU from one look at the loss to the next
SCHEDULES: dict[str, Callable[[Optimizer, int], LRScheduler]] = {  # of an optimizer's n steps
    "constant": lambda optimizer, n: ConstantLR(optimizer, factor=1.0),
    "cosine": CosineAnnealingLR,
    "onecycle": lambda optimizer, n: OneCycleLR(optimizer, optimizer.defaults["lr"], n + 1),
}


class Autoencoder(LightningModule):
    """Minimizes the reconstruction loss of a network; images come in and go out as uint8.

    All arguments are primitives, so that a checkpoint loads under `weights_only=True`.

    Args:
        network: Key of `networks.NETWORKS`.
        image_size: Height and width of the images in pixels.
        preprocessing: Key of `pixels.PREPROCESSING`.
        loss: `mse` or `bce`, the mean over images and pixels.
        optimizer: `adam` or `adamw`.
        lr: Learning rate, at its highest.
        weight_decay: The optimizer's weight decay.
        schedule: Over all steps of training: `constant`; `cosine`, from `lr` to zero; `onecycle`,
            up to `lr` and then down to nothing (https://arxiv.org/abs/1708.07120).
        penalty: Key of `regularizers.PENALTIES`: what training minimizes beside the loss.
        penalty_weight: What the penalty is multiplied with.
        noise: Standard deviation of normal noise added to the pixels in 0..1 that are encoded
            while training; the loss compares with the clean ones.
        seed: What noise and dropout are drawn from, with epoch, step and process.
        **axes: The network's own arguments, such as `latents` and `channels`.

    Raises:
        UserError: If an option is unknown or a number out of range.
    """

    def __init__(
        self,
        *,
        network: str,
        image_size: Sequence[int],
        preprocessing: str = "scale",
        loss: str = "mse",
        optimizer: str = "adam",
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: str = "constant",
        penalty: str = "none",
        penalty_weight: float = 0.0,
        noise: float = 0.0,
        seed: int = 0,
        **axes: Any,
    ) -> None:
        super().__init__()
        require_option("model.network", network, NETWORKS)
        require_option("model.preprocessing", preprocessing, PREPROCESSING)
        require_option("model.loss", loss, LOSSES)
        if loss == "bce" and preprocessing != "scale":
            raise UserError("model.loss=bce compares pixels in 0..1: type model.loss=mse.")
        require_option("model.optimizer", optimizer, OPTIMIZERS)
        require_option("model.schedule", schedule, SCHEDULES)
        require_number("model.lr", lr, above=0)
        require_number("model.weight_decay", weight_decay)
        require_option("model.penalty", penalty, PENALTIES)
        require_number("model.penalty_weight", penalty_weight)
        require_number("model.noise", noise)
        require_whole("model.seed", seed, 0)
        require_whole("model.latents", axes["latents"], 1)
        self.save_hyperparameters(logger=False)
        self.preprocessing = PREPROCESSING[preprocessing]
        output = self.preprocessing.output
        self.network = NETWORKS[network](image_size=image_size, output=output, **axes)
        self._losses = torch.zeros(0)  # of the epoch's batches, and their sizes
        self._sizes: list[int] = []

    def encode(self, images: Tensor) -> Tensor:
        """Maps uint8 images of shape (N, 1, H, W) to float32 latents of shape (N, latents)."""
        return self.network.encode(self.preprocessing.prepare(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents of shape (N, latents) to float32 images in 0..1, shape (N, 1, H, W)."""
        return self.preprocessing.show(self.network.decode(latents))

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructs uint8 images: float32 in 0..1, same shape."""
        return self.preprocessing.restore(self.network.decode(self.encode(images)), images)

    def on_train_epoch_start(self) -> None:
        # Lightning's own averaging takes 0.5 ms of every step; a list of losses would lie between
        # the large blocks of each step and spoil their reuse.
        n_batches = int(self.trainer.num_training_batches)
        self._losses, self._sizes = torch.zeros(n_batches, device=self.device), []

    def training_step(self, images: Tensor) -> Tensor:
        clean = self.preprocessing.prepare(images)
        wanted: dict[str, Any] = dict(self.hparams)
        if wanted["noise"] or wanted.get("dropout"):
            self._seed_step()
        noisy = clean + wanted["noise"] * torch.randn_like(clean) if wanted["noise"] else clean
        latents = self.network.encode(noisy)
        loss = self._compare(self.network.decode(latents), clean)
        self._losses[len(self._sizes)] = loss.detach()
        self._sizes.append(len(images))
        # Reading a number makes a GPU wait: there some steps are looked at, and the epoch's last.
        if loss.device.type == "cpu" or len(self._sizes) % LOOK_EVERY == 0:
            self._require_finite()
        if self.trainer.is_last_batch:
            self._require_finite()
            weights = torch.tensor(self._sizes, dtype=torch.float64, device=loss.device)
            mean = self._losses.double() @ weights / weights.sum()
            self._log_mean("loss/train", mean.float(), sum(self._sizes))
        penalty = PENALTIES[wanted["penalty"]]
        if penalty is None:
            return loss
        return loss + wanted["penalty_weight"] * penalty(self.network, latents)

    def validation_step(self, images: Tensor) -> None:
        clean = self.preprocessing.prepare(images)
        loss = self._compare(self.network.decode(self.network.encode(clean)), clean)
        if not loss.isfinite():
            self._stop(f"loss/val is {loss:g} after the last step")
        self._log_mean("loss/val", loss, len(images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        wanted: dict[str, Any] = dict(self.hparams)
        optimizer = OPTIMIZERS[wanted["optimizer"]](
            self.parameters(), lr=wanted["lr"], weight_decay=wanted["weight_decay"], fused=True
        )
        n_steps = int(self.trainer.estimated_stepping_batches)
        schedule = SCHEDULES[wanted["schedule"]](optimizer, n_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "lr"},
        }

    def _require_finite(self) -> None:
        """Stops training at a loss that is no number, before a checkpoint holds what it made."""
        finite = self._losses.isfinite()
        if not finite.all():
            step = int((~finite).nonzero()[0])
            self._stop(f"the loss is {self._losses[step]:g} at step {step + 1}")

    def _stop(self, reason: str) -> NoReturn:
        lr = self.hparams["lr"]
        raise UserError(
            f"{reason} of epoch {self.current_epoch + 1}, so training stopped; the checkpoint of "
            f"the epoch before is as it was. Type model.lr= with less than {lr:g}."
        )

    def _compare(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):  # bce is unsafe in half precision
            return LOSSES[self.hparams["loss"]](reconstructions.float(), images)

    def _seed_step(self) -> None:
        """Makes what is drawn in a step follow from its number: going on repeats nothing else."""
        place = (self.hparams["seed"], self.current_epoch, len(self._sizes), self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def _log_mean(self, name: str, loss: Tensor, n_images: int) -> None:
        # By epoch and not to the logger: callbacks/curves.py logs against the epoch's number.
        self.log(
            name,
            loss,
            on_step=False,
            on_epoch=True,
            logger=False,
            batch_size=n_images,
            sync_dist=True,
        )
