"""One job, from a composed configuration to a finished run directory.

Imports torch and Lightning; the commands import it only when they have something to run.
"""

import logging
import warnings
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from sklearn.base import BaseEstimator
from torch import nn

from fmclust.callbacks import ClusterLatents, RunCallback, cluster_images
from fmclust.config import build, build_all, check
from fmclust.data import ImageDataModule
from fmclust.errors import UserError, require_option
from fmclust.models import Autoencoder, Pixels
from fmclust.reports import print_scores
from fmclust.runs import Run, claim, environment, join

Clusterers = dict[str, BaseEstimator]


def run_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Runs a job.

    Args:
        config: As composed from `conf/config.yaml`.
        directory: The run directory; empty or absent.
        overrides: What was typed.

    Returns:
        The objective: finite, less is better.

    Raises:
        UserError: If the user can put it right.
    """
    check(config)
    require_device(config.trainer.accelerator)
    quieten_lightning()
    rank = getattr(rank_zero_only, "rank", 0)  # above zero in the processes that DDP starts
    texts = {"config": OmegaConf.to_yaml(config), "overrides": OmegaConf.to_yaml(overrides)}
    with join(directory) if rank else claim(directory, **texts) as run:
        run.facts.update(environment())
        seed_everything(config.seed, verbose=False)
        clusterers = build_all(config.cluster, BaseEstimator)
        datamodule = build(config.data, ImageDataModule)
        with run.timed("data"):
            datamodule.setup()
        model = build(config.model, nn.Module, image_size=datamodule.image_size)
        if isinstance(model, Autoencoder):
            fit_and_cluster(config, run, datamodule, model, clusterers)
        else:
            cluster_untrained(config, run, datamodule, model, clusterers)
        if rank:
            return 0.0
        run.objective = objective(config, run.metrics)
    print_scores(run.metrics, seed=config.seed)
    print(f"Run directory: {directory}")
    return run.objective


def require_device(accelerator: str) -> None:
    """Refuses a GPU that is not there.

    Raises:
        UserError: Says what to type instead.
    """
    found = {"cuda": CUDAAccelerator.is_available(), "mps": MPSAccelerator.is_available()}
    found["gpu"] = any(found.values())
    if not found.get(accelerator, True):
        raise UserError(
            f"trainer.accelerator={accelerator}: torch sees no GPU of this kind here, "
            "type trainer=cpu."
        )


def quieten_lightning() -> None:
    """Leaves out Lightning's hints and what it does that newer releases of torch deprecate."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")


def fit_and_cluster(
    config: DictConfig,
    run: Run,
    datamodule: ImageDataModule,
    model: Autoencoder,
    clusterers: Clusterers,
) -> None:
    """Trains; a callback clusters when training ends."""
    callbacks = list(build_all(config.callbacks, Callback).values())
    callbacks.append(ClusterLatents(clusterers, encode_from=config.encode_from))
    for callback in callbacks:
        if isinstance(callback, RunCallback):
            callback.run = run
    trainer = build(
        config.trainer,
        Trainer,
        callbacks=callbacks,
        logger=build_loggers(config, run),
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        default_root_dir=run.directory,
    )
    trainer.fit(model, datamodule)


def cluster_untrained(
    config: DictConfig,
    run: Run,
    datamodule: ImageDataModule,
    model: Pixels,
    clusterers: Clusterers,
) -> None:
    """Clusters what a model without training gives: for `model=pixels`."""
    loggers = build_loggers(config, run)
    cluster_images(run, model, datamodule, clusterers, loggers)
    for logger in loggers:
        logger.finalize("success")


def build_loggers(config: DictConfig, run: Run) -> list[Logger]:
    """Builds the loggers of a run, which write into its directory."""
    return list(build_all(config.logger, Logger, save_dir=run.directory).values())


def objective(config: DictConfig, metrics: dict[str, float]) -> float:
    """Picks the number that a sweep minimizes; by default one that no label touches."""
    first_clusterer = next(iter(config.cluster))
    if config.objective is not None:
        require_option("objective", config.objective, metrics)
        return metrics[config.objective]
    if "loss/val" in metrics:
        return metrics["loss/val"]
    if f"{first_clusterer}/inertia" in metrics:
        return metrics[f"{first_clusterer}/inertia"]
    return -metrics[f"{first_clusterer}/log_likelihood"]
