"""The LightningModule around an encoder."""

from typing import NoReturn

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from fmclust.errors import UserError, require_option
from fmclust.models import Encoder
from fmclust.training.callbacks.base import source_of
from fmclust.training.prototypes import set_balanced_prototypes

LOSSES = ("loss/val", "loss/train")
GPU_CHECK_INTERVAL = 50  # steps; reading the loss makes the CPU wait for the GPU


class EncoderModule(LightningModule):
    """Train an encoder with its own losses and optimizer.

    Args:
        encoder: Encoder with `trains`.
        seed: Seed of the random numbers of each step, combined with epoch, step and rank, so that
            a resumed run draws the same numbers.
    """

    def __init__(self, encoder: Encoder, *, seed: int) -> None:
        super().__init__()
        require_option("monitor", encoder.monitor, LOSSES)
        self.encoder, self.seed = encoder, seed
        self.is_new_stage = False  # whether this epoch began with new prototypes
        self._losses: dict[str, Tensor] = {}  # losses of the epoch's batches, by name
        self._sizes: list[int] = []  # numbers of images of the epoch's batches

    @property
    def n_images(self) -> int:
        """Number of images that this process has trained on in this epoch."""
        return sum(self._sizes)

    def on_fit_start(self) -> None:
        """Make the generator on the device of the images."""
        self._generator = torch.Generator(self.device)

    def on_train_epoch_start(self) -> None:
        """Prepare the encoder, with prototypes if it needs them, and reset the losses."""
        self._losses, self._sizes = {}, []
        max_epochs = int(self.trainer.max_epochs or 1)
        n_clusters = self.encoder.start_epoch(self.current_epoch, max_epochs)
        self.is_new_stage = n_clusters > 0
        if self.is_new_stage:
            source = source_of(self.trainer)
            images = source.splits[source.fitted_split].images
            set_balanced_prototypes(self.encoder, images, n_clusters, self.seed)

    def training_step(self, images: Tensor) -> Tensor:
        """Return the loss to minimize; log the mean loss after the last step of an epoch."""
        self._seed(self.current_epoch, len(self._sizes))
        losses = self.encoder.training_losses(images, self._generator)
        for name, loss in losses.logged.items():
            self._losses_of(name)[len(self._sizes)] = loss.detach()
        self._sizes.append(len(images))
        is_last = self.trainer.is_last_batch
        if is_last or self.device.type == "cpu" or len(self._sizes) % GPU_CHECK_INTERVAL == 0:
            self._require_finite()
        if is_last:
            weights = torch.tensor(self._sizes, dtype=torch.float64)
            for name, values in self._losses.items():  # on the CPU: MPS has no float64
                mean = values.cpu().double() @ weights / weights.sum()
                self._log_mean(name, mean.float().to(self.device), self.n_images)
        return losses.minimized

    def _losses_of(self, name: str) -> Tensor:
        """Return the losses of all steps of the epoch under a name, allocated at the first step.

        Lightning's averaging takes 0.5 ms of every step; a list of tensors would fragment the
        memory that is reused from step to step.
        """
        if name not in self._losses:
            n_batches = int(self.trainer.num_training_batches)
            self._losses[name] = torch.zeros(n_batches, device=self.device)
        return self._losses[name]

    def validation_step(self, images: Tensor, batch_idx: int) -> None:
        """Log the losses of a batch."""
        self._seed(batch_idx)  # not by epoch, so that epochs can be compared
        for name, loss in self.encoder.validation_losses(images, self._generator).items():
            if not loss.isfinite():
                self._stop(f"{name} is {loss:g} after the last step")
            self._log_mean(name, loss, len(images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer and its schedule, which is stepped after every step."""
        n_steps = int(self.trainer.estimated_stepping_batches)
        n_epochs = int(self.trainer.max_epochs or 1)
        optimizer, schedule = self.encoder.configure_optimizer(n_steps, n_epochs)
        if self.trainer.gradient_clip_val is not None:
            # Lightning clips no gradients that a fused optimizer would still have to unscale.
            optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined] # noqa: SLF001
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "lr"},
        }

    def _seed(self, *place: int) -> None:
        """Seed the module's generator and torch's global ones, which dropout uses."""
        seeds = np.random.SeedSequence((self.seed, *place, self.global_rank)).generate_state(2)
        self._generator.manual_seed(int(seeds[0]))
        # Not torch.manual_seed: it formats a stack trace for each kind of device that this process
        # does not use, in up to a tenth of the time of a step.
        torch.default_generator.manual_seed(int(seeds[1]))
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(int(seeds[1]))

    def _require_finite(self) -> None:
        """Stop training at a loss that is not finite, before a checkpoint is written."""
        for losses in self._losses.values():
            finite = losses.isfinite()
            if not finite.all():
                step = int((~finite).nonzero()[0])
                self._stop(f"the loss is {losses[step]:g} at step {step + 1}")

    def _stop(self, reason: str) -> NoReturn:
        lr = self.trainer.optimizers[0].defaults["lr"]
        kept = "; the checkpoint of the epoch before is kept" if self.current_epoch else ""
        raise UserError(
            f"{reason} of epoch {self.current_epoch + 1}, so training stopped{kept}. Type "
            f"model.lr= with a value below {lr:g}."
        )

    def _log_mean(self, name: str, loss: Tensor, n: int) -> None:
        """Add the loss of n images to the epoch's mean, which LearningCurves logs."""
        self.log(
            name, loss, on_step=False, on_epoch=True, logger=False, batch_size=n, sync_dist=True
        )
