"""After training: encode every split, then hand over to the evaluation stage."""

import time
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers import Logger
from sklearn.base import BaseEstimator

from fmclust.callbacks.base import RunCallback, datamodule_of, losses_of
from fmclust.callbacks.checkpoints import EpochCheckpoints
from fmclust.callbacks.tensorboard import conclude, tensorboard_writer
from fmclust.clustering import NEAR
from fmclust.data import ImageDataModule, border_brightness
from fmclust.evaluation import Labels, evaluate, telling
from fmclust.models import (
    Autoencoder,
    Pixels,
    decode_all,
    encode_all,
    read_checkpoint,
    reconstruction_errors,
)
from fmclust.runs import BEST_CHECKPOINT, Run


class ClusterLatents(RunCallback):
    """Encodes all splits on rank zero and evaluates the clusterers on the latents.

    Args:
        clusterers: Name to unfitted scikit-learn estimator.
        best_from: What keeps the best weights by `loss/val`, to encode by them; None: those of the
            last epoch encode.
    """

    def __init__(
        self, clusterers: Mapping[str, BaseEstimator], *, best_from: EpochCheckpoints | None = None
    ) -> None:
        self.clusterers, self.best_from = clusterers, best_from
        self._start, self._losses = 0.0, {}  # type: float, dict[str, float]

    def state_dict(self) -> dict[str, float]:
        return self._losses

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self._losses = state_dict

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._losses = losses_of(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, Autoencoder)
        run = self.run
        run.metrics["time/fit"] = time.perf_counter() - self._start
        run.metrics.update(self._losses)
        if self.best_from is not None:
            weights = read_checkpoint(run.directory / BEST_CHECKPOINT)["state_dict"]
            pl_module.load_state_dict(weights)
            run.metrics["loss/val"] = self.best_from.best
        cluster_images(
            run,
            pl_module,
            datamodule_of(trainer),
            self.clusterers,
            trainer.loggers,
            epoch=trainer.current_epoch,
        )


def cluster_images(
    run: Run,
    model: Autoencoder | Pixels,
    datamodule: ImageDataModule,
    clusterers: Mapping[str, BaseEstimator],
    loggers: Iterable[Logger],
    *,
    epoch: int = 0,
) -> None:
    """Encodes every split and evaluates the clusterers on the latents.

    Args:
        run: Where files and numbers go; pixels are not kept as latents, being the images.
        model: What encodes, on the device that it lies on.
        datamodule: Set up.
        clusterers: Name to unfitted scikit-learn estimator.
        loggers: TensorBoard's among them, or not.
        epoch: Epochs trained: TensorBoard's step.
    """
    images = {name: split.images for name, split in datamodule.splits.items()}
    count = sum(map(len, images.values()))
    with telling(f"Encoding {count:,} images"), run.timed("encode"):
        latents = {name: encode_all(model, split) for name, split in images.items()}
    fitted = datamodule.fitted_split
    run.facts["border"] = border_brightness(images[fitted][:, 0].numpy())
    if isinstance(model, Autoencoder):
        run.write_latents(latents)
        with run.timed("encode"):
            errors = reconstruction_errors(model, images[fitted], latents[fitted])
        run.metrics["reconstruction_limit"] = float(np.quantile(errors, NEAR))
    writer = tensorboard_writer(loggers)
    evaluate(
        run,
        clusterers,
        latents,
        images,
        fitted_split=fitted,
        labels=Labels.of(datamodule.splits, datamodule.class_names),
        decode=partial(decode_all, model),
        writer=writer,
        step=epoch,
    )
    if writer is not None:
        conclude(writer, run.metrics, epoch)
