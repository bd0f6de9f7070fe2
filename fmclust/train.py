"""The main job: images to latents to clusters to scores, in a directory of its own.

`python -m fmclust.train model=convae cluster=gmm`
"""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from fmclust.config import build, build_all
from fmclust.entry import command
from fmclust.errors import UserError, require_at_least, require_option

# What only a run needs is imported within it: `--help` and `--cfg job` load no torch.
if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from fmclust.data import ImageDataModule
    from fmclust.models import Autoencoder, Pixels
    from fmclust.runs import Run


def train(config: DictConfig) -> float:
    """Runs the job that the command line describes, in the directory that Hydra made for it."""
    hydra = HydraConfig.get()
    return run_job(config, Path(hydra.runtime.output_dir), list(hydra.overrides.task))


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
    from pytorch_lightning import seed_everything
    from pytorch_lightning.utilities import rank_zero_only
    from sklearn.base import BaseEstimator
    from torch import nn

    from fmclust.data import ImageDataModule
    from fmclust.models import Autoencoder
    from fmclust.reports import print_scores
    from fmclust.runs import claim, environment, join

    check(config)
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
        run.objective = objective(config, run, next(iter(clusterers)))
    print_scores(run.metrics, seed=config.seed)
    print(f"Run directory: {directory}")
    return run.objective


def quieten_lightning() -> None:
    """Leaves out Lightning's hints and what it does that newer releases of torch deprecate."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")


def check(config: DictConfig) -> None:
    """Refuses values that no run can work with, before anything is touched."""
    require_at_least("seed", config.seed, 0)
    require_at_least("n_clusters", config.n_clusters, 1)
    require_option("encode_from", config.encode_from, ("last", "best"))
    if "max_epochs" in config.trainer:
        require_at_least("trainer.max_epochs", config.trainer.max_epochs, 1)
    if not config.cluster:
        raise UserError("no clusterer: type cluster=gmm, for instance.")


def fit_and_cluster(
    config: DictConfig,
    run: "Run",
    datamodule: "ImageDataModule",
    model: "Autoencoder",
    clusterers: "dict[str, BaseEstimator]",
) -> None:
    """Trains; a callback clusters when training ends."""
    from pytorch_lightning import Callback, Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loggers import Logger
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    from fmclust.callbacks import ClusterLatents, RunCallback

    callbacks = list(build_all(config.callbacks, Callback).values())
    callbacks.append(ClusterLatents(clusterers, encode_from=config.encode_from))
    for callback in callbacks:
        if isinstance(callback, RunCallback):
            callback.run = run
    try:
        trainer = build(
            config.trainer,
            Trainer,
            callbacks=callbacks,
            logger=list(build_all(config.logger, Logger, save_dir=run.directory).values()),
            enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
            default_root_dir=run.directory,
        )
    except MisconfigurationException as error:
        raise UserError(f"trainer: {error}") from error
    trainer.fit(model, datamodule)


def cluster_untrained(
    config: DictConfig,
    run: "Run",
    datamodule: "ImageDataModule",
    model: "Pixels",
    clusterers: "dict[str, BaseEstimator]",
) -> None:
    """Clusters what a model without training gives: for `model=pixels`."""
    from pytorch_lightning.loggers import Logger

    from fmclust.callbacks import tensorboard_writer
    from fmclust.evaluation import Labels, evaluate
    from fmclust.models import encode_all

    loggers = list(build_all(config.logger, Logger, save_dir=run.directory).values())
    with run.timed("encode"):
        latents = {name: encode_all(model, s.images) for name, s in datamodule.splits.items()}
    evaluate(
        run,
        clusterers,
        latents,
        fitted_split=datamodule.fitted_split,
        labels=Labels.of(datamodule.splits, datamodule.class_names),
        writer=tensorboard_writer(loggers),
    )
    for logger in loggers:
        logger.finalize("success")


def objective(config: DictConfig, run: "Run", first_clusterer: str) -> float:
    """Picks the number that a sweep minimizes; by default one that no label touches."""
    metrics = run.metrics
    if config.objective is not None:
        require_option("objective", config.objective, metrics)
        return metrics[config.objective]
    if "loss/val" in metrics:
        return metrics["loss/val"]
    if f"{first_clusterer}/inertia" in metrics:
        return metrics[f"{first_clusterer}/inertia"]
    return -metrics[f"{first_clusterer}/log_likelihood"]


main = command("config", train)

if __name__ == "__main__":
    main()
