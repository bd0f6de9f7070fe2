"""After training: encode every split, then hand over to the evaluation stage."""

import time
from collections.abc import Iterable, Mapping

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger
from sklearn.base import BaseEstimator

from fmclust.callbacks.base import RunCallback, losses_of
from fmclust.callbacks.tensorboard import tensorboard_writer
from fmclust.data import ImageDataModule
from fmclust.errors import UserError
from fmclust.evaluation import Labels, evaluate
from fmclust.models import Autoencoder, Pixels, encode_all
from fmclust.runs import Run


class ClusterLatents(RunCallback):
    """Encodes all splits on rank zero and evaluates the clusterers on the latents.

    Args:
        clusterers: Name to unfitted scikit-learn estimator.
        encode_from: Whose weights encode: of the `last` epoch, or the `best` by `loss/val`.
    """

    def __init__(self, clusterers: Mapping[str, BaseEstimator], *, encode_from: str) -> None:
        self.clusterers, self.encode_from = clusterers, encode_from
        self._start = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.perf_counter()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, Autoencoder)
        run, datamodule = self.run, _datamodule(trainer)
        run.metrics["time/fit"] = time.perf_counter() - self._start
        run.metrics.update(losses_of(trainer))
        if self.encode_from == "best":
            run.metrics["loss/val"] = _load_best(trainer, pl_module)
        cluster_images(
            run, pl_module, datamodule, self.clusterers, trainer.loggers, step=trainer.global_step
        )


def cluster_images(
    run: Run,
    model: Autoencoder | Pixels,
    datamodule: ImageDataModule,
    clusterers: Mapping[str, BaseEstimator],
    loggers: Iterable[Logger],
    *,
    step: int = 0,
) -> None:
    """Encodes every split and evaluates the clusterers on the latents.

    Args:
        run: Where files and numbers go; pixels are not kept as latents, being the images.
        model: What encodes, on the device that it lies on.
        datamodule: Set up.
        clusterers: Name to unfitted scikit-learn estimator.
        loggers: TensorBoard's among them, or not.
        step: TensorBoard's step.
    """
    with run.timed("encode"):
        latents = {name: encode_all(model, s.images) for name, s in datamodule.splits.items()}
    if isinstance(model, Autoencoder):
        run.write_latents(latents)
    evaluate(
        run,
        clusterers,
        latents,
        fitted_split=datamodule.fitted_split,
        labels=Labels.of(datamodule.splits, datamodule.class_names),
        writer=tensorboard_writer(loggers),
        step=step,
    )


def _datamodule(trainer: Trainer) -> ImageDataModule:
    return trainer.datamodule  # type: ignore[attr-defined]


def _load_best(trainer: Trainer, pl_module: LightningModule) -> float:
    """Puts the best weights into the module; returns their `loss/val`."""
    keeper = trainer.checkpoint_callback
    if not isinstance(keeper, ModelCheckpoint) or keeper.best_model_score is None:
        raise UserError("encode_from=best needs callbacks.checkpoint: type encode_from=last.")
    checkpoint = torch.load(keeper.best_model_path, weights_only=True, map_location="cpu")
    pl_module.load_state_dict(checkpoint["state_dict"])
    return float(keeper.best_model_score)
