"""The final losses of training and its time, for metrics.json."""

import time

from pytorch_lightning import LightningModule, Trainer

from fmclust.training.callbacks.base import RunCallback, losses_of

FIT_TIME = "time/fit"


class FitMetrics(RunCallback):
    """Keeps `loss/*` of the last epoch and `time/fit` in the run's metrics.

    It comes first of all callbacks, so that the time ends before any of them clusters.
    """

    def __init__(self) -> None:
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

    def _keep(self) -> None:
        self.run.metrics[FIT_TIME] = self._earlier + time.perf_counter() - self._start
        self.run.metrics.update(self._losses)
