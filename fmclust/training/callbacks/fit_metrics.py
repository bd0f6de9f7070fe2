"""The end of training: its losses and time for metrics.json, the weights that encode."""

import time

from pytorch_lightning import LightningModule, Trainer

from fmclust.models import load_weights
from fmclust.runs import BEST_CHECKPOINT
from fmclust.training.callbacks.base import RunCallback, encoder_of, losses_of
from fmclust.training.callbacks.checkpoints import EpochCheckpoints

FIT_TIME = "time/fit"


class FitMetrics(RunCallback):
    """Keeps `loss/*` and `time/fit` in the run's metrics, and makes the encoder ready to encode.

    It comes first of all callbacks: the time ends, and the encoder lies on its device, before any
    of them encodes.

    Args:
        encode_from: Whose weights encode: `last`, or `best` by the encoder's monitor.
    """

    def __init__(self, encode_from: str) -> None:
        self.encode_from = encode_from
        self._start = self._earlier = 0.0
        self._losses: dict[str, float] = {}

    def state_dict(self) -> dict[str, float]:
        return self._losses

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self._losses = state_dict

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start, self._earlier = time.perf_counter(), self.run.metrics.get(FIT_TIME, 0.0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses = losses_of(trainer)
        self._keep()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._keep()
        encoder = encoder_of(pl_module)
        if self.encode_from == "best":
            load_weights(encoder, self.run.directory / BEST_CHECKPOINT)
            (checkpoints,) = [c for c in trainer.callbacks if isinstance(c, EpochCheckpoints)]  # type: ignore[attr-defined]
            self.run.metrics[encoder.monitor] = checkpoints.best
        pl_module.to(trainer.strategy.root_device)  # Lightning has moved it to the CPU
        self.run.facts |= {"trained": True, "epochs": trainer.current_epoch}

    def _keep(self) -> None:
        self.run.metrics[FIT_TIME] = self._earlier + time.perf_counter() - self._start
        self.run.metrics.update(self._losses)
