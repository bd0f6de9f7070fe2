"""Cluster finished runs again, into clusterings/<name>/ of their directories."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from sklearn.base import BaseEstimator

from fmclust.clustering import require_fittable
from fmclust.data import ImageSource
from fmclust.errors import UserError
from fmclust.evaluation import encode_images, evaluate_latents
from fmclust.inference import LoadedRun, load_run
from fmclust.jobs.advice import how_to_cluster
from fmclust.jobs.images import images_of, note_images, note_numbers
from fmclust.jobs.number import choose_number, set_trial_number
from fmclust.jobs.objective import objective
from fmclust.jobs.sizes import set_sizes
from fmclust.models import encode_all
from fmclust.runs import (
    CLUSTERINGS,
    Advice,
    Run,
    claim,
    is_done,
    locked,
    read_status,
    reopen,
    update_manifest,
    write_text,
)
from fmclust.trust import build_all

OWN_KEYS = ("run", "threads", "traceback")  # not of the run's configuration


def cluster_again(
    directory: Path, wanted: DictConfig, names: Mapping[str, str], overrides: list[str]
) -> Iterator[Path]:
    """Cluster the latents of one run with several clusterers.

    If the run has no clustering (it only trained, or a clusterer failed), the results complete it.

    Args:
        directory: The run directory.
        wanted: Configuration composed from `conf/cluster.yaml`; null keeps the run's value.
        names: Clusterer to the name of its clustering.
        overrides: The overrides as typed.

    Yields:
        The directory of each clustering.

    Raises:
        UserError: If the run can't be opened, its images have changed, or a name is taken; if a
            clusterer failed, after the others have finished.
    """
    run, source = open_to_cluster(directory, wanted, names)
    if not run.is_done or not run.clusterers:
        config = configured(run, wanted, names, keep=True)
        yield _fill(run, source, config, _clusterers(config, source, names), overrides)
        return
    latents = latents_of(run, source)

    def add(key: str, name: str) -> Path:
        config = configured(run, wanted, {key: name})
        clusterers = _clusterers(config, source, {key: name})
        return _add(run, source, latents, config, clusterers, name, overrides)

    yield from one_by_one(directory, names, add)


def one_by_one(
    directory: Path, names: Mapping[str, str], add: Callable[[str, str], Path]
) -> Iterator[Path]:
    """Add a clustering for each clusterer; if one fails, the others are still added.

    Args:
        directory: The run directory.
        names: Clusterer to the name of its clustering.
        add: Adds the clustering of a clusterer and its name; returns its directory.

    Yields:
        The directory of each clustering.

    Raises:
        UserError: At the end, if a clusterer failed.
    """
    reasons = []
    for key, name in names.items():
        try:
            yield add(key, name)
        except UserError as error:
            reasons.append(str(error))
    update_manifest(directory)
    if reasons:
        raise UserError("; ".join(reasons))


def open_to_cluster(
    directory: Path, wanted: DictConfig, names: Mapping[str, str]
) -> tuple[LoadedRun, ImageSource]:
    """Open a run and its images to cluster its latents again.

    Args:
        directory: The run directory.
        wanted: Configuration composed from `conf/cluster.yaml`.
        names: Clusterer to the name of its clustering.

    Raises:
        UserError: If the run can't be opened, its images have changed, or a name is taken.
    """
    run = load_run(directory)
    if taken := set(names.values()) & set(run.clusterers):
        cure = "type name=<another>" if len(names) == 1 else f"leave {min(taken)} out of cluster="
        raise UserError(f"the run has a clustering named {min(taken)}: {cure}.")
    return run, images_of(run, wanted.data.root)


@contextmanager
def claimed_clustering(
    run: LoadedRun, source: ImageSource, config: DictConfig, name: str, overrides: list[str]
) -> Iterator[Run]:
    """Claim clusterings/<name>/ of a run for the block; an unfinished one is removed first."""
    target = run.directory / CLUSTERINGS / name
    if target.exists():
        with locked(target, "type name=<another>"):
            remove_unfinished(target)
    with claim(target, config, overrides, Advice(_how_to_repeat, lambda _: "")) as claimed:
        note_numbers(claimed, source)
        claimed.wants_figures = config.figures
        yield claimed


def configured(
    run: LoadedRun, wanted: DictConfig, names: Mapping[str, str], *, keep: bool = False
) -> DictConfig:
    """Return the configuration of a run with other clusterers.

    Args:
        run: The run.
        wanted: Configuration composed from `conf/cluster.yaml`.
        names: Clusterer in `wanted` to the name of its clustering.
        keep: Whether to keep the clusterers that have clustered the run.
    """
    config = run.config.copy()
    for setting in ("n_clusters", "seed", "figures"):
        if wanted[setting] is not None:
            config[setting] = wanted[setting]
    kept = [name for name in run.clusterers if keep and name in run.config.cluster]
    config.cluster = {name: run.config.cluster[name] for name in kept}
    for key, name in names.items():
        config.cluster[name] = wanted.cluster[key]
    return config


def _clusterers(
    config: DictConfig, source: ImageSource, names: Mapping[str, str]
) -> dict[str, BaseEstimator]:
    """Return the unfitted estimators, with the sizes that follow the images, after checking them.

    Errors name the estimators as they were typed.
    """
    clusterers = build_all(config.cluster, BaseEstimator)
    n_fitted = len(source.splits[source.fitted_split])
    set_sizes(config, clusterers, n_fitted)
    set_trial_number(config, clusterers, n_fitted)
    keys = {name: key for key, name in names.items()}
    typed = {keys.get(name, name): clusterer for name, clusterer in clusterers.items()}
    require_fittable(typed, n_fitted)
    return clusterers


def _fill(
    run: LoadedRun,
    source: ImageSource,
    config: DictConfig,
    clusterers: Mapping[str, BaseEstimator],
    overrides: list[str],
) -> Path:
    """Cluster an unfinished run, so that it is done."""
    from fmclust.reports.pages import write_run_page  # imports matplotlib and Jinja

    advice = Advice(_how_to_repeat, how_to_cluster)
    typed = [text for text in overrides if text.partition("=")[0] not in OWN_KEYS]
    with reopen(run.directory, advice, changes=typed, even_done=True) as claimed:
        write_text(run.directory / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
        note_images(claimed, source)
        claimed.metrics = {**run.metrics, **claimed.metrics}
        claimed.wants_figures = config.figures
        if run.is_encoded:
            latents = latents_of(run, source)
        else:
            latents = encode_images(claimed, run.encoder, source)
        choose_number(claimed, config, clusterers, latents[source.fitted_split])
        evaluate_latents(claimed, run.encoder, source, latents, clusterers)
        if not claimed.failures:
            claimed.facts["objective"] = objective(run.encoder, clusterers, claimed.metrics)
        claimed.report = write_run_page
    return run.directory


def _add(
    run: LoadedRun,
    source: ImageSource,
    latents: Mapping[str, NDArray[Any]],
    config: DictConfig,
    clusterers: Mapping[str, BaseEstimator],
    name: str,
    overrides: list[str],
) -> Path:
    """Write another clustering into clusterings/<name>/."""
    with claimed_clustering(run, source, config, name, overrides) as claimed:
        choose_number(claimed, config, clusterers, latents[source.fitted_split])
        evaluate_latents(claimed, run.encoder, source, latents, clusterers)
    return claimed.directory


def _how_to_repeat(_: Path) -> str:
    return "To start over, type the same command again."


def remove_unfinished(target: Path) -> None:
    """Remove an unfinished clustering that a stopped process has left.

    Raises:
        UserError: If it is finished, for example if another process has just finished it.
    """
    if is_done(read_status(target)):
        raise UserError(f"{target} exists already: type name=<another>.")
    shutil.rmtree(target)


def latents_of(run: LoadedRun, source: ImageSource) -> Mapping[str, NDArray[Any]]:
    """Return split to latents, computed again if the run does not store them."""
    if run.encoder.keeps_latents:
        return run.latents
    return {split: encode_all(run.encoder, held.images) for split, held in source.splits.items()}
