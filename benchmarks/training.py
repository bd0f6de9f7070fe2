"""Networks, training and clusterers as several benchmarks need them."""

import time
from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import Optimizer

from fmclust.config.schema import conf_directory, register_schema
from fmclust.models import Autoencoder
from fmclust.models.networks import Network
from fmclust.models.preprocessing import scale

Axes = dict[str, Any]  # a network, by its arguments
DEFAULT = {"channels": [32], "kernel": 8, "stride": 4, "hidden": [128]}
PLAIN = {"channels": [16, 32, 64], "kernel": 3, "stride": 2, "hidden": []}


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


def named(axes: Axes) -> str:
    """Name a network by its axes."""
    widths = "-".join(map(str, axes["channels"]))
    hidden = "".join(f", {units} hidden" for units in axes["hidden"])
    return f"{widths} channels, kernel {axes['kernel']}, stride {axes['stride']}{hidden}"


def autoencoder(axes: Axes) -> Autoencoder:
    """Make an autoencoder of 10 latents for images of 28x28 pixels."""
    return Autoencoder(image_shape=[1, 28, 28], network="convae", latents=10, **axes)


def bare_epoch(network: Network, optimizer: Optimizer, batches: Iterable[Tensor]) -> float:
    """Train on uint8 batches with nothing around it; return the seconds."""
    start = time.perf_counter()
    for batch in batches:
        images = scale(batch)
        loss = mse_loss(network.decode(network.encode(images)), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loss.item()  # waits for a GPU
    return time.perf_counter() - start
