"""Progress of training: a bar in a terminal, a line an epoch elsewhere."""

import sys
import time

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar

from fmclust.callbacks.base import losses_of


class PlainProgress(ProgressBar):
    """Prints one line an epoch: for logs and pipes, where a bar is noise."""

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def __init__(self) -> None:
        super().__init__()
        self._enabled, self._start = True, 0.0

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._enabled:
            losses = "  ".join(f"{name} {value:.5f}" for name, value in losses_of(trainer).items())
            seconds = time.perf_counter() - self._start
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            print(f"{epoch}  {losses}  {seconds:.1f} s", flush=True)


def progress_bar(refresh_rate: int) -> ProgressBar:
    """Returns a Rich bar if the output is a terminal, else plain lines.

    Args:
        refresh_rate: Batches between two updates of the bar.
    """
    if sys.stdout.isatty():
        return RichProgressBar(refresh_rate=refresh_rate)
    return PlainProgress()
