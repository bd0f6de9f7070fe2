"""The LightningModule around an encoder."""

from typing import NoReturn

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from fmclust.errors import UserError, require_option
from fmclust.models import Encoder

LOSSES = ("loss/val", "loss/train")  # what is logged
GPU_CHECK_INTERVAL = 50  # steps: reading the loss makes a GPU wait


class EncoderModule(LightningModule):
    """Trains an encoder that says what its losses and its optimizer are.

    Args:
        encoder: With `trains`.
        seed: What is drawn at random in a step follows from it, the epoch, the step and the
            process: a run that goes on after a stop draws the same.

    Attributes:
        n_images: Images of this epoch that this process has trained on.
    """

    def __init__(self, encoder: Encoder, *, seed: int) -> None:
        super().__init__()
        require_option("monitor", encoder.monitor, LOSSES)
        self.encoder, self.seed = encoder, seed
        self._losses = torch.zeros(0)  # of the epoch's batches, and their sizes
        self._sizes: list[int] = []

    @property
    def n_images(self) -> int:
        return sum(self._sizes)

    def on_fit_start(self) -> None:
        self._generator = torch.Generator(self.device)

    def on_train_epoch_start(self) -> None:
        # Lightning's own averaging takes 0.5 ms of every step; a list of losses would lie between
        # the large blocks of each step and spoil their reuse.
        n_batches = int(self.trainer.num_training_batches)
        self._losses, self._sizes = torch.zeros(n_batches, device=self.device), []

    def training_step(self, images: Tensor) -> Tensor:
        self._seed(self.current_epoch, len(self._sizes))
        losses = self.encoder.training_losses(images, self._generator)
        self._losses[len(self._sizes)] = losses.logged.detach()
        self._sizes.append(len(images))
        if losses.logged.device.type == "cpu" or len(self._sizes) % GPU_CHECK_INTERVAL == 0:
            self._require_finite()
        if self.trainer.is_last_batch:
            self._require_finite()
            weights = torch.tensor(self._sizes, dtype=torch.float64, device=self._losses.device)
            mean = self._losses.double() @ weights / weights.sum()
            self._log_mean("loss/train", mean.float(), self.n_images)
        return losses.minimized

    def validation_step(self, images: Tensor, batch_idx: int) -> None:
        self._seed(batch_idx)  # the same in every epoch: epochs are compared
        loss = self.encoder.validation_loss(images, self._generator)
        if not loss.isfinite():
            self._stop(f"loss/val is {loss:g} after the last step")
        self._log_mean("loss/val", loss, len(images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        n_steps = int(self.trainer.estimated_stepping_batches)
        optimizer, schedule = self.encoder.configure_optimizer(n_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "lr"},
        }

    def _seed(self, *place: int) -> None:
        """Seed the generator, and torch's own, which dropout draws from."""
        seeds = np.random.SeedSequence((self.seed, *place, self.global_rank)).generate_state(2)
        self._generator.manual_seed(int(seeds[0]))
        torch.manual_seed(int(seeds[1]))

    def _require_finite(self) -> None:
        """Stop training at a loss that is no number, before a checkpoint holds what it made."""
        finite = self._losses.isfinite()
        if not finite.all():
            step = int((~finite).nonzero()[0])
            self._stop(f"the loss is {self._losses[step]:g} at step {step + 1}")

    def _stop(self, reason: str) -> NoReturn:
        lr = self.trainer.optimizers[0].defaults["lr"]
        raise UserError(
            f"{reason} of epoch {self.current_epoch + 1}, so training stopped; the checkpoint of "
            f"the epoch before is as it was. Type model.lr= with less than {lr:g}."
        )

    def _log_mean(self, name: str, loss: Tensor, n_images: int) -> None:
        # By epoch and not to the loggers: LearningCurves logs against the epoch's number.
        self.log(
            name,
            loss,
            on_step=False,
            on_epoch=True,
            logger=False,
            batch_size=n_images,
            sync_dist=True,
        )
