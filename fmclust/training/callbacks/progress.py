"""Progress of training: one bar over all epochs in a terminal, a line an epoch elsewhere."""

import logging
import sys
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fmclust.errors import require_whole
from fmclust.training.callbacks.base import losses_of

log = logging.getLogger(__name__)


class EpochLines(ProgressBar):
    """Logs one line an epoch: in train.log always, and on the console if it is no terminal."""

    level = logging.INFO

    def __init__(self) -> None:
        super().__init__()
        self.enabled, self.losses, self._start = True, "", 0.0

    def enable(self) -> None:
        self.enabled = True

    def disable(self) -> None:
        """Lightning asks this of all processes but one."""
        self.enabled = False

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        if not self.enabled:
            return
        self.losses = "  ".join(f"{name} {value:.5f}" for name, value in losses_of(trainer).items())
        seconds = time.perf_counter() - self._start
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        log.log(self.level, "%s  %s  %.1f s", epoch, self.losses, seconds)


class TerminalProgress(EpochLines):
    """One Rich bar over all epochs, with the losses of the last and the time that is left.

    Args:
        refresh_rate: Batches between two updates of the bar.
    """

    level = logging.DEBUG  # the file's alone: a line would tear the bar

    def __init__(self, *, refresh_rate: int) -> None:
        super().__init__()
        require_whole("callbacks.progress.refresh_rate", refresh_rate, 1)
        self.refresh_rate = refresh_rate
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self._task = TaskID(0)

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        if self.enabled:
            batches = int(trainer.num_training_batches)
            total = batches * (trainer.max_epochs or 1)
            self._task = self._bar.add_task("", total=total, completed=trainer.global_step)
            self._bar.start()

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer)
        if self.enabled:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {self.losses}"
            self._bar.update(self._task, description=epoch)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if self.enabled and trainer.global_step % self.refresh_rate == 0:
            self._bar.update(self._task, completed=trainer.global_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.enabled:
            description = f"{trainer.current_epoch} epochs  {self.losses}"
            self._bar.update(self._task, description=description, completed=trainer.global_step)
        self._bar.stop()

    def on_exception(self, *_: Any) -> None:
        self._bar.stop()


def progress_bar(refresh_rate: int) -> EpochLines:
    """Returns a bar if the output is a terminal, else plain lines.

    Args:
        refresh_rate: Batches between two updates of the bar.
    """
    return TerminalProgress(refresh_rate=refresh_rate) if sys.stdout.isatty() else EpochLines()
