"""Losses, learning rate and images per second of every epoch."""

import math
import time
from functools import partial
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from fmclust.evaluation import Display, publish
from fmclust.plots import draw_losses
from fmclust.runs import write_rows
from fmclust.training.callbacks.base import RunCallback, encoder_of, losses_of, values_of


class LearningCurves(RunCallback):
    """Log the values of every epoch against its number, and draw the losses at the end.

    Lightning would log them against its count of steps, which depends on the batch size. The
    losses are drawn as in the paper, section 5.2.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []  # losses by name
        self._last: dict[str, float] = {}  # values of the last epoch
        self._start = self._seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores."""
        return {"epochs": self.epochs, "last": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.epochs = state_dict["epochs"]
        self._last = state_dict["last"]

    def on_fit_start(self, trainer: Trainer, *_: Any) -> None:
        """Log the last epoch again, which RunLogger removes when a run is resumed."""
        self._log(trainer, self.epochs_before)

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_validation_start(self, *_: Any) -> None:
        """Stop the clock."""
        self._seconds = time.perf_counter() - self._start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the values of the epoch."""
        values = values_of(trainer)
        self.epochs.append(losses_of(trainer))
        n_images = int(pl_module.n_images) * trainer.world_size  # type: ignore[arg-type]
        self._last = {
            **values,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "speed/images_per_second": n_images / self._seconds,
        }
        self._log(trainer, trainer.current_epoch + 1)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write losses.csv and draw the losses."""
        if trainer.is_global_zero:
            rows = [{"epoch": epoch, **losses} for epoch, losses in enumerate(self.epochs, 1)]
            write_rows(self.run.directory / "losses.csv", rows)
            names = dict.fromkeys(name for losses in self.epochs for name in losses)
            columns = {n: [losses.get(n, math.nan) for losses in self.epochs] for n in names}
            draw = partial(draw_losses, columns, encoder_of(pl_module).loss_name)
            publish(self.run, Display(), "losses", draw)

    def _log(self, trainer: Trainer, epoch: int) -> None:
        if self._last:
            with self.run.timed("logging"):
                for logger in trainer.loggers:
                    with self.run.attempt("not every logger has the values of every epoch"):
                        logger.log_metrics(self._last, step=epoch)
