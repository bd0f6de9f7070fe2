"""Run one job: from a composed configuration to a finished run directory with its page.

Imports torch and Lightning; the commands import it only if there is something to run.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer, seed_everything
from sklearn.base import BaseEstimator

from fmclust.clustering import require_fittable, takes_prototypes
from fmclust.config.schema import check, clusters_after
from fmclust.data import ImageSource, build_source, sums_of
from fmclust.data.datamodule import ImageDataModule, loader_settings
from fmclust.errors import UserError
from fmclust.evaluation import encode_images, evaluate_latents
from fmclust.evaluation.progress import spinner
from fmclust.jobs.advice import JOB
from fmclust.jobs.images import note_images, write_unreadable
from fmclust.jobs.number import choose_number, set_trial_number
from fmclust.jobs.objective import final_metrics, objective
from fmclust.jobs.sizes import set_batch_size, set_sizes
from fmclust.jobs.threads import limited_threads
from fmclust.metrics import SCORES
from fmclust.models import (
    Encoder,
    build_encoder,
    load_weights,
    require_weights,
    save_weights,
)
from fmclust.reports.pages import write_run_page
from fmclust.runs import (
    BEST_CHECKPOINT,
    NO_OBJECTIVE,
    PRETRAINED_WEIGHTS,
    Run,
    claim,
    read_config,
    read_overrides,
    refuse_foreign,
    refuse_interpolations,
    reopen,
    replacing,
    write_text,
)
from fmclust.training.checkpoints import epochs_finished
from fmclust.training.devices import (
    keep_freed_memory,
    require_device,
    resolve_precision,
    skip_nvml,
)
from fmclust.training.loggers import LoggerDisplay, build_loggers
from fmclust.training.module import EncoderModule
from fmclust.training.tensorboard import log_setup
from fmclust.training.trainer import build_trainer, fit, quieten_lightning, stop_on_sigterm
from fmclust.trust import build_all


def run_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Run a job from its beginning.

    Args:
        config: Configuration composed from `conf/config.yaml`.
        directory: The run directory; empty or absent.
        overrides: The overrides as typed.

    Returns:
        The objective that a sweep minimizes: finite, lower is better.

    Raises:
        UserError: If the configuration or the data is invalid, or a clusterer failed.
    """
    for key in ("root", "labels", "cache"):
        if config.data.get(key) is not None:
            config.data[key] = os.path.abspath(config.data[key])  # resuming may start elsewhere
    config.trainer.precision = resolve_precision(
        str(config.trainer.precision), config.trainer.accelerator
    )
    require_weights(config.model)
    refuse_interpolations(OmegaConf.to_container(config, resolve=True), "the configuration")
    return _work(config, directory, claim(directory, config, overrides, JOB))


def resume_job(
    directory: Path,
    changes: Mapping[str, Any] | None = None,
    typed: Sequence[str] = (),
    *,
    is_own: bool = False,
) -> float:
    """Resume a job from its last epoch-end checkpoint, with its saved configuration.

    Args:
        directory: The run directory of a job that was stopped or failed.
        changes: Groups or keys of the configuration to their new values.
        typed: The changes as typed, for the warnings of the run.
        is_own: Whether the user has just typed the overrides of the saved configuration.

    Returns:
        The objective that a sweep minimizes: finite, lower is better.

    Raises:
        UserError: If the run can't be resumed, or a change is invalid.
    """
    config = read_config(directory)
    if not is_own:
        refuse_foreign(config, directory / "config.yaml")
    for key, value in (changes or {}).items():
        OmegaConf.update(config, key, value, merge=False)
    if is_own or config.trainer.precision == "auto":  # of a job that failed before it began
        config.trainer.precision = resolve_precision(
            str(config.trainer.precision), config.trainer.accelerator
        )
    return _work(config, directory, reopen(directory, JOB, changes=typed))


def _work(config: DictConfig, directory: Path, owned: AbstractContextManager[Run]) -> float:
    """Check the configuration, take the directory by entering `owned`, and run the job."""
    check(config)
    require_device(config.trainer.accelerator)
    quieten_lightning()
    keep_freed_memory()
    skip_nvml()
    clusterers = build_all(config.cluster, BaseEstimator) if clusters_after(config) else {}
    source = build_source(config.data)
    datamodule = ImageDataModule(source, **loader_settings(config.data))
    trainer = build_trainer(config, directory)
    if not trainer.is_global_zero:  # only the process of rank zero writes
        owned = nullcontext(Run(directory))
    with limited_threads(config.threads), owned as run:
        seed_everything(config.seed, verbose=False)
        _read_images(run, config, source, is_owner=trainer.is_global_zero)
        n_fitted = len(source.splits[source.fitted_split])
        set_batch_size(config, datamodule, trainer.world_size)
        set_sizes(config, clusterers, n_fitted)
        set_trial_number(config, clusterers, n_fitted)
        require_fittable(clusterers, n_fitted)
        encoder = build_encoder(config.model, source.image_shape)
        if encoder.is_pretrained:
            _load_pretrained(run, encoder, is_owner=trainer.is_global_zero)
        _require_purpose(run, encoder, clusterers)
        _require_prototypes(encoder, clusterers, config.trainer.max_epochs, n_fitted)
        if trainer.is_global_zero:  # with what is typed later, and sizes that follow the images
            write_text(directory / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        with _logging(run, config, trainer, final_metrics(source, encoder, clusterers)):
            cluster = partial(_evaluate, run, config, encoder, source, clusterers, trainer)
            if encoder.trains:
                module = EncoderModule(encoder, seed=config.seed)
                with run.in_stage("fit"):
                    fit(trainer, module, datamodule, run, after=cluster)  # when it ends
            elif trainer.is_global_zero:
                encoder.to(trainer.strategy.root_device)
                cluster(0)
        if not trainer.is_global_zero:
            return 0.0
        if not run.failures:
            run.facts["objective"] = objective(encoder, clusterers, run.metrics)
        run.report = write_run_page
    return run.metrics.get(run.facts["objective"], NO_OBJECTIVE)


def _read_images(run: Run, config: DictConfig, source: ImageSource, *, is_owner: bool) -> None:
    """Read the images and note facts about them; raise UserError if they have changed."""
    run.wants_figures = config.figures
    with run.timed("data"):
        try:
            splits = source.splits
        finally:
            if is_owner:
                write_unreadable(run, source)
    note_images(run, source)
    if not clusters_after(config):
        run.warn("callbacks has no cluster_latents: the run only trains")
    channels, *size = source.image_shape
    run.facts |= {"image_size": size, "channels": channels}
    sums = sums_of(splits)
    if run.facts.setdefault("sums", sums) != sums:
        raise UserError(
            "the images differ from those this run started with: restore them, or start a new run."
        )
    if is_owner:
        run.write_status("running")  # with the checksums, which a resumed run compares


def _load_pretrained(run: Run, encoder: Encoder, *, is_owner: bool) -> None:
    """Load weights that were trained elsewhere: the copy in the run, which is made if needed."""
    path = run.directory / PRETRAINED_WEIGHTS
    if path.exists():
        load_weights(encoder, path)
        return
    with spinner("Loading pretrained weights"):
        encoder.fetch_weights()
    if is_owner:
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as partial_file:
            save_weights(encoder, partial_file)


def _require_purpose(run: Run, encoder: Encoder, clusterers: Mapping[str, BaseEstimator]) -> None:
    """Refuse a run that does nothing, and note facts about the encoder for the run's page."""
    if not encoder.trains and not clusterers:
        raise UserError(
            "this run would neither train nor cluster: leave out ~callbacks.cluster_latents, or "
            "type model= with an encoder that trains."
        )
    run.facts |= {"loss_name": encoder.loss_name, "can_decode": encoder.can_decode}
    run.facts["trained"] = run.facts.get("trained", not encoder.trains)


def _require_prototypes(
    encoder: Encoder, clusterers: Mapping[str, BaseEstimator], n_epochs: int, n_images: int
) -> None:
    """Refuse more prototypes than images, and a clusterer that needs some if there will be none.

    Raises:
        UserError: Says what to type.
    """
    n_prototypes = max((encoder.start_epoch(n, n_epochs) for n in range(n_epochs)), default=0)
    if n_prototypes > n_images:
        raise UserError(
            f"{n_prototypes} prototypes are more than the {n_images} images to train on: type "
            f"n_clusters= with at most {n_images}."
        )
    if n_prototypes:
        return
    more = "" if n_epochs > 1 else " trainer.max_epochs=16"
    for name, clusterer in clusterers.items():
        if takes_prototypes(clusterer):
            raise UserError(
                f"cluster={name} needs prototypes, which the encoder will not have: type "
                f"model=contrastive model.self_labelling_epochs=8{more}, or another clusterer."
            )


@contextmanager
def _logging(run: Run, config: DictConfig, trainer: Trainer, names: list[str]) -> Iterator[None]:
    """Attach the loggers to the Trainer; log hyperparameters and layout in the first epoch."""
    trainer.loggers = build_loggers(config.logger, run.directory)
    if epochs_finished(run.directory) == 0:
        overrides = read_overrides(run.directory)
        with run.timed("logging"):
            log_setup(trainer.loggers, config, overrides, names, SCORES)
    try:
        yield
    finally:
        with run.attempt("not every logger has ended"):
            for logger in trainer.loggers:
                logger.finalize("ended")


def _evaluate(
    run: Run,
    config: DictConfig,
    encoder: Encoder,
    source: ImageSource,
    clusterers: Mapping[str, BaseEstimator],
    trainer: Trainer,
    step: int,
) -> None:
    display = LoggerDisplay(trainer.loggers, step)
    with run.in_stage("evaluate"), stop_on_sigterm():
        if encoder.trains and config.encode_from == "best":
            load_weights(encoder, run.directory / BEST_CHECKPOINT)
        latents = encode_images(run, encoder, source)
        choose_number(run, config, clusterers, latents[source.fitted_split], display)
        evaluate_latents(run, encoder, source, latents, clusterers, display)
        display.close()
