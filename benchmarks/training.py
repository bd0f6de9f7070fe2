"""Training and clusterers as several benchmarks need them."""

import time
from typing import Any

import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from sklearn.base import BaseEstimator

from fmclust.config.schema import conf_directory, register_schema


class EpochClock(pl.Callback):
    """Seconds of the training part of the last epoch."""

    def on_train_epoch_start(self, *_: Any) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def last_epoch(module: pl.LightningModule, data: Any, *, max_epochs: int) -> float:
    """Train under Lightning with nothing hung on it; return the last epoch's seconds.

    Args:
        module: What is trained.
        data: A loader or a LightningDataModule.
        max_epochs: Epochs in all.
    """
    clock = EpochClock()
    trainer = pl.Trainer(
        max_epochs=max_epochs,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    trainer.fit(module, data)
    return clock.seconds


def composed(*typed: str) -> DictConfig:
    """Compose `conf/` as the train command would."""
    register_schema()
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        return compose("config", list(typed))


def as_called(name: str, **changed: Any) -> BaseEstimator:
    """Return a clusterer of conf/cluster/, with some parameters changed."""
    return instantiate(composed(f"cluster={name}").cluster[name]).set_params(**changed)
