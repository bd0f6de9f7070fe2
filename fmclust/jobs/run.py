"""One job: from a composed configuration to a finished run directory with its page.

Imports torch and Lightning; the commands import it only when they have something to run.
"""

import os
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from sklearn.base import BaseEstimator

from fmclust.clustering import require_fittable
from fmclust.config.schema import check
from fmclust.data import ImageSource, build_source, sum_of
from fmclust.data.datamodule import ImageDataModule
from fmclust.errors import UserError
from fmclust.evaluation import evaluate
from fmclust.jobs.advice import how_to_cluster
from fmclust.jobs.objective import final_metrics, objective
from fmclust.jobs.threads import limited_threads
from fmclust.metrics import SCORES
from fmclust.models import Encoder, build_encoder
from fmclust.reports import write_run_page
from fmclust.runs import (
    CLUSTERINGS_FILE,
    Run,
    claim,
    join,
    note_environment,
    read_config,
    read_overrides,
    refuse_foreign,
    refuse_interpolations,
    reopen,
    write_json,
)
from fmclust.training.callbacks import ClusterLatents
from fmclust.training.checkpoints import epochs_finished
from fmclust.training.devices import keep_freed_memory, require_device
from fmclust.training.loggers import LoggerDisplay, build_loggers, introduce
from fmclust.training.module import EncoderModule
from fmclust.training.trainer import build_trainer, fit, quieten_lightning
from fmclust.trust import build_all


def run_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Run a job from its beginning.

    Args:
        config: As composed from `conf/config.yaml`.
        directory: The run directory; empty or absent.
        overrides: What was typed.

    Returns:
        The number that a sweep minimizes: finite, less is better.

    Raises:
        UserError: If the user can put it right.
    """
    if config.data.get("root") is not None:
        config.data.root = os.path.abspath(config.data.root)  # resuming may start elsewhere
    refuse_interpolations(OmegaConf.to_container(config, resolve=True), "the configuration")
    saved, typed = OmegaConf.to_yaml(config, resolve=True), OmegaConf.to_yaml(overrides)
    owned = claim(directory, config=saved, overrides=typed, advise_failed=how_to_cluster)
    return _work(config, directory, owned)


def resume_job(directory: Path, changes: dict[str, Any] | None = None) -> float:
    """Go on with a job from its last epoch-end checkpoint, with its saved configuration.

    Args:
        directory: The run directory of a job that was stopped or failed.
        changes: Groups or keys of the configuration that are others from now on.

    Returns:
        The number that a sweep minimizes: finite, less is better.

    Raises:
        UserError: If the user can put it right.
    """
    config = read_config(directory)
    refuse_foreign(config, directory / "config.yaml")
    for key, value in (changes or {}).items():
        OmegaConf.update(config, key, value, merge=False)
    saved = OmegaConf.to_yaml(config, resolve=True) if changes else None
    owned = reopen(directory, config=saved, advise_failed=how_to_cluster)
    return _work(config, directory, owned)


def _work(config: DictConfig, directory: Path, owned: AbstractContextManager[Run]) -> float:
    """Do a job; `owned` takes its directory, once the configuration is found to be good."""
    check(config)
    require_device(config.trainer.accelerator)
    quieten_lightning()
    keep_freed_memory()
    clusterers = build_all(config.cluster, BaseEstimator)
    source = build_source(config.data)
    datamodule = ImageDataModule(
        source, batch_size=config.data.get("batch_size", 256), seed=config.data.get("seed", 0)
    )
    trainer = build_trainer(config, directory)
    owned = owned if trainer.is_global_zero else join(directory)
    with limited_threads(config.threads), owned as run:
        seed_everything(config.seed, verbose=False)
        _read_images(run, config, source, is_owner=trainer.is_global_zero)
        require_fittable(clusterers, len(source.splits[source.fitted_split]))
        encoder = build_encoder(config.model, source.image_size)
        run.facts |= {"loss_name": encoder.loss_name, "can_decode": encoder.can_decode}
        callback = _cluster_callback(trainer)
        if callback is None:
            clusterers = {}
            write_json(directory / CLUSTERINGS_FILE, {})
        if not encoder.trains and not clusterers:
            raise UserError(
                "this run would neither train nor cluster: leave out ~callbacks.cluster_latents, "
                "or type model= with an encoder that trains."
            )
        trainer.loggers = build_loggers(config.logger, directory)
        try:
            _introduce(run, config, trainer, final_metrics(source, encoder, clusterers))
            evaluate_it = partial(_evaluate, run, encoder, source, clusterers, trainer)
            if encoder.trains:
                if callback is not None:
                    callback.evaluate, callback.encode_from = evaluate_it, config.encode_from
                with run.in_stage("fit"):
                    fit(trainer, EncoderModule(encoder, seed=config.seed), datamodule, run)
            elif trainer.is_global_zero:
                evaluate_it(0)
        finally:
            for logger in trainer.loggers:
                logger.finalize("ended")
        if not trainer.is_global_zero:
            return 0.0
        if not run.failures:
            run.facts["objective"] = objective(encoder, clusterers, run.metrics)
        run.report = write_run_page
    return run.metrics[run.facts["objective"]]


def _read_images(run: Run, config: DictConfig, source: ImageSource, *, is_owner: bool) -> None:
    """Read the images and note what they are; refuse others than an earlier part had."""
    run.wants_figures = config.figures
    note_environment(run.facts)
    with run.timed("data"):
        splits = source.splits
    for warning in source.warnings:
        run.warn(warning)
    run.facts["image_size"] = [*source.image_size]
    run.facts["class_names"] = [*(source.class_names or ())]
    run.facts["images"] = {name: len(split) for name, split in splits.items()}
    sums = {name: sum_of(split.images) for name, split in splits.items()}
    if run.facts.setdefault("sums", sums) != sums:
        raise UserError("the images are others than when the run began: put the old ones back.")
    if is_owner:
        run.write_status("running")  # with what a later process compares


def _cluster_callback(trainer: Trainer) -> ClusterLatents | None:
    found = [c for c in trainer.callbacks if isinstance(c, ClusterLatents)]  # type: ignore[attr-defined]
    return found[0] if found else None


def _introduce(run: Run, config: DictConfig, trainer: Trainer, names: list[str]) -> None:
    """Write what TensorBoard shows of a run from its beginning on."""
    if epochs_finished(run.directory) == 0:
        overrides = read_overrides(run.directory)
        with run.timed("logging"):
            introduce(trainer.loggers, config, overrides, names, SCORES)


def _evaluate(
    run: Run,
    encoder: Encoder,
    source: ImageSource,
    clusterers: dict[str, BaseEstimator],
    trainer: Trainer,
    step: int,
) -> None:
    display = LoggerDisplay(trainer.loggers, step)
    evaluate(run, encoder, source, clusterers, display)
    display.close()
