"""Losses and time of training for metrics.json."""

import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from fmclust.training.callbacks.base import RunCallback, encoder_of, values_of
from fmclust.training.callbacks.checkpoints import EpochCheckpoints

FIT_TIME = "time/fit"  # seconds


class FitMetrics(RunCallback):
    """Add the numbers of the last epoch and `time/fit` to the metrics.

    This is the first callback: when training ends, it stops the clock and moves the encoder to its
    device before another callback encodes.

    Args:
        encode_from: Weights that encode: `last`, or `best` by the encoder's monitor.
        checkpoints: Callback that knows the best value of the monitor.
    """

    def __init__(self, encode_from: str, checkpoints: EpochCheckpoints) -> None:
        self.encode_from, self.checkpoints = encode_from, checkpoints
        self._start = self._earlier = 0.0
        self._values: dict[str, float] = {}

    def state_dict(self) -> dict[str, float]:
        """Return the state that a checkpoint stores."""
        return self._values

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore the state from a checkpoint."""
        self._values = state_dict

    def on_fit_start(self, *_: Any) -> None:
        """Start the clock."""
        self._start, self._earlier = time.perf_counter(), self.run.metrics.get(FIT_TIME, 0.0)

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        """Update losses and time."""
        self._values = values_of(trainer)
        self._update_metrics()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Update losses and time, and move the encoder."""
        self._update_metrics()
        if self.encode_from == "best":
            self.run.metrics[encoder_of(pl_module).monitor] = self.checkpoints.best
        pl_module.to(trainer.strategy.root_device)  # Lightning has moved it to the CPU
        self.run.facts |= {"trained": True, "epochs": trainer.current_epoch}

    def _update_metrics(self) -> None:
        self.run.metrics[FIT_TIME] = self._earlier + time.perf_counter() - self._start
        self.run.metrics.update(self._values)
