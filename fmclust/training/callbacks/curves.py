"""What every epoch gives as numbers: losses, learning rate, images per second."""

import time
from collections import defaultdict
from functools import partial
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from fmclust.evaluation import Display, publish
from fmclust.plots import draw_losses
from fmclust.runs import write_rows
from fmclust.training.callbacks.base import RunCallback, encoder_of, losses_of
from fmclust.training.checkpoints import epochs_finished


class LearningCurves(RunCallback):
    """Logs the numbers of every epoch against its number, and draws the losses at the end.

    Lightning would log them against its count of steps, which no two batch sizes share. The
    losses are drawn as the paper draws them (section 5.2).
    """

    def __init__(self) -> None:
        self.losses: dict[str, list[float]] = defaultdict(list)
        self._last: dict[str, float] = {}  # what was logged of the epoch that ended last
        self._start = self._seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"losses": dict(self.losses), "last": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.losses.update(state_dict["losses"])
        self._last = state_dict["last"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log(trainer, epochs_finished(self.run.directory))  # forgotten, see RunLogger

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seconds = time.perf_counter() - self._start

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        losses = losses_of(trainer)
        for name, value in losses.items():
            self.losses[name].append(value)
        n_images = int(pl_module.n_images) * trainer.world_size  # type: ignore[arg-type]
        self._last = {
            **losses,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "speed/images_per_second": n_images / self._seconds,
        }
        self._log(trainer, trainer.current_epoch + 1)

    def _log(self, trainer: Trainer, epoch: int) -> None:
        if self._last:
            with self.run.timed("logging"):
                for logger in trainer.loggers:
                    logger.log_metrics(self._last, step=epoch)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            epochs = zip(*self.losses.values(), strict=True)
            rows = [
                {"epoch": epoch, **dict(zip(self.losses, values, strict=True))}
                for epoch, values in enumerate(epochs, 1)
            ]
            write_rows(self.run.directory / "losses.csv", rows)
            draw = partial(draw_losses, self.losses, encoder_of(pl_module).loss_name)
            publish(self.run, Display(), "losses", draw)
