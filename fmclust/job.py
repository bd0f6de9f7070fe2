"""One job, from a composed configuration to a finished run directory.

Imports torch and Lightning; the commands import it only when they have something to run.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import seed_everything
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from sklearn.base import BaseEstimator
from torch import nn

from fmclust.callbacks import cluster_images, epochs_finished, introduce, tensorboard_writer
from fmclust.clustering import require_fittable
from fmclust.config import check
from fmclust.data import ImageDataModule, sum_of
from fmclust.devices import keep_freed_memory, limited_threads, require_device
from fmclust.errors import UserError, require_option
from fmclust.fit import fit_and_cluster, quieten_lightning
from fmclust.models import Autoencoder
from fmclust.objective import final_metrics, objective
from fmclust.reports import write_run_page
from fmclust.runs import (
    Run,
    claim,
    environment,
    join,
    read_config,
    read_overrides,
    refuse_unsafe,
    reopen,
)
from fmclust.targets import build, build_all


def run_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Runs a job from its beginning.

    Args:
        config: As composed from `conf/config.yaml`.
        directory: The run directory; empty or absent.
        overrides: What was typed.

    Returns:
        The objective: finite, less is better.

    Raises:
        UserError: If the user can put it right.
    """
    if config.data.get("root") is not None:
        config.data.root = os.path.abspath(config.data.root)  # resuming may start elsewhere
    refuse_unsafe(OmegaConf.to_container(config, resolve=True), "the configuration")
    saved = OmegaConf.to_yaml(config, resolve=True)
    typed = OmegaConf.to_yaml(overrides)
    return _work(config, directory, claim(directory, config=saved, overrides=typed))


def resume_job(directory: Path) -> float:
    """Goes on with a job from its last epoch-end checkpoint, with its saved configuration.

    Args:
        directory: The run directory of a job that was stopped or failed.

    Returns:
        The objective: finite, less is better.

    Raises:
        UserError: If the user can put it right.
    """
    return _work(read_config(directory), directory, reopen(directory))


def _work(config: DictConfig, directory: Path, owned: AbstractContextManager[Run]) -> float:
    """Does a job; `owned` takes its directory, once the configuration is found to be good."""
    check(config)
    require_device(config.trainer.accelerator)
    quieten_lightning()
    keep_freed_memory()
    clusterers = build_all(config.cluster, BaseEstimator)
    datamodule = build(config.data, ImageDataModule)
    with limited_threads(config.threads), join(directory) if _rank() else owned as run:
        run.facts.update(environment())
        run.wants_figures = config.figures
        seed_everything(config.seed, verbose=False)
        with run.timed("data"):
            datamodule.setup()
        for warning in datamodule.warnings:
            run.warn(warning)
        run.facts["image_size"] = [*datamodule.image_size]
        run.facts["class_names"] = datamodule.class_names
        sums = {n: sum_of(split.images) for n, split in datamodule.splits.items()}
        run.facts["images"] = {n: len(split.images) for n, split in datamodule.splits.items()}
        if run.facts.setdefault("sums", sums) != sums:
            raise UserError("the images are others than when the run began: put the old ones back.")
        if not _rank():
            run.write_status("running")  # with what a later process compares
        require_fittable(clusterers, len(datamodule.splits[datamodule.fitted_split]))
        model = build(config.model, nn.Module, image_size=datamodule.image_size)
        if config.objective is not None:
            names = final_metrics(datamodule, model, clusterers, datamodule.splits)
            require_option("objective", config.objective, names)
        loggers = list(build_all(config.logger, Logger, save_dir=run.directory).values())
        try:
            is_new = epochs_finished(run.directory) == 0
            if is_new and (writer := tensorboard_writer(loggers)) is not None:
                names = final_metrics(datamodule, model, clusterers, ("test", "all"))
                with run.timed("logging"):
                    introduce(writer, config, read_overrides(run.directory), names)
            if isinstance(model, Autoencoder):
                fit_and_cluster(config, run, datamodule, model, clusterers, loggers)
            else:
                cluster_images(run, model, datamodule, clusterers, loggers)
        finally:
            for logger in loggers:
                logger.finalize("ended")
        if _rank():
            return 0.0
        run.objective, run.facts["objective_name"] = objective(config, run.metrics)
        run.report = write_run_page
    return run.objective


def _rank() -> int:
    return getattr(rank_zero_only, "rank", 0)  # above zero in the processes that DDP starts
