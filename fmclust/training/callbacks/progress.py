"""Progress of training: one log line per epoch, and a bar over all epochs in a terminal."""

import logging
import time
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fmclust.errors import require_whole
from fmclust.terminal import console
from fmclust.training.callbacks.base import losses_of

log = logging.getLogger(__name__)


class EpochProgress(ProgressBar):
    """Log one line per epoch and, in a terminal, show a bar with the losses and the time left.

    Args:
        refresh_rate: Number of batches between two updates of the bar.
        in_terminal: Whether to show the bar. The lines then go to train.log only, since they would
            break the bar on the console.
    """

    def __init__(self, *, refresh_rate: int, in_terminal: bool) -> None:
        super().__init__()
        require_whole("callbacks.progress.refresh_rate", refresh_rate, 1)
        self.refresh_rate = refresh_rate
        self.level = logging.DEBUG if in_terminal else logging.INFO
        remaining = TimeRemainingColumn(elapsed_when_finished=True)
        text = TextColumn("{task.description}")
        self._bar = Progress(text, BarColumn(), remaining, disable=not in_terminal)
        self._task, self._losses, self._start = TaskID(0), "", 0.0

    def disable(self) -> None:
        """Hide the bar; Lightning calls this on all ranks except zero."""
        self._bar.disable = True

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        """Show the bar."""
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        self._task = self._bar.add_task("", total=total, completed=trainer.global_step)
        self._bar.start()

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        """Start the clock, and show which epoch begins."""
        self._start = time.perf_counter()
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._bar.update(self._task, description=f"{epoch}  {self._losses}")

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Advance the bar."""
        if trainer.global_step % self.refresh_rate == 0:
            self._bar.update(self._task, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        """Log the losses and the seconds of the epoch."""
        self._losses = "  ".join(f"{name} {loss:.5f}" for name, loss in losses_of(trainer).items())
        seconds = time.perf_counter() - self._start
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        if trainer.is_global_zero:
            log.log(self.level, "%s  %s  %.1f s", epoch, self._losses, seconds)

    def on_train_end(self, trainer: Trainer, *_: Any) -> None:
        """Show the last losses, and leave the bar on the screen."""
        description = f"{trainer.current_epoch} epochs  {self._losses}"
        self._bar.update(self._task, description=description, completed=trainer.global_step)
        self._bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Release the terminal."""
        self._bar.stop()


def progress_bar(refresh_rate: int) -> EpochProgress:
    """Return the progress callback for the current output; see `EpochProgress`."""
    return EpochProgress(refresh_rate=refresh_rate, in_terminal=console().is_terminal)
