"""Clustering the latents of a finished run again, into clusterings/<name>/ of its directory."""

import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf
from sklearn.base import BaseEstimator
from torch import Tensor

from fmclust.clustering import require_fittable
from fmclust.data import ImageDataModule, sum_of
from fmclust.errors import UserError
from fmclust.evaluation import Labels, evaluate
from fmclust.loaded import LoadedRun, load_run
from fmclust.models import Pixels, decode_all, encode_all
from fmclust.runs import CLUSTERINGS, claim, environment, locked, read_status
from fmclust.targets import build


def cluster_again(
    directory: Path, wanted: DictConfig, names: Mapping[str, str], overrides: list[str]
) -> Iterator[Path]:
    """Clusters the latents of one run by each of some clusterers.

    Args:
        directory: The run directory.
        wanted: As composed from `conf/cluster.yaml`; what is null is as the run has it.
        names: Clusterer to the name of what comes of it.
        overrides: What was typed.

    Yields:
        The directory of each clustering.

    Raises:
        UserError: If the run is not finished, its images have changed, or a name is taken.
    """
    run = load_run(directory)
    for name in names.values():
        if name in run.clusterers:
            raise UserError(f"the run has a clustering named {name}: type name=<another>.")
    if wanted.data.root is not None:
        run.config.data.root = wanted.data.root
    data = build(run.config.data, ImageDataModule)
    data.setup()
    images = {split: held.images for split, held in data.splits.items()}
    latents = latents_of(run, images)
    for key, name in names.items():
        config = run.config.copy()
        for setting in ("n_clusters", "seed", "figures"):
            if wanted[setting] is not None:
                config[setting] = wanted[setting]
        config.cluster = {name: wanted.cluster[key]}
        clusterer = build(config.cluster[name], BaseEstimator)
        require_fittable({name: clusterer}, len(latents[data.fitted_split]))
        target = directory / CLUSTERINGS / name
        if target.exists():
            with locked(target):
                remove_unfinished(target)
        with claim(
            target,
            config=OmegaConf.to_yaml(config, resolve=True),
            overrides=OmegaConf.to_yaml(overrides),
            advise=lambda _: "To begin anew, type the same command again.",
        ) as claimed:
            claimed.facts.update(environment())
            claimed.facts["images"] = {split: len(held) for split, held in images.items()}
            claimed.wants_figures = config.figures
            evaluate(
                claimed,
                {name: clusterer},
                latents,
                images,
                fitted_split=data.fitted_split,
                labels=Labels.of(data.splits, data.class_names),
                decode=partial(decode_all, run.model),
            )
        yield target


def remove_unfinished(target: Path) -> None:
    """Removes what a stopped process has left of a clustering.

    Raises:
        UserError: If it is finished: by another process just now, or a file of it is gone.
    """
    if (read_status(target) or {}).get("status") == "done":
        raise UserError(f"{target} is there already: type name=<another>.")
    shutil.rmtree(target)


def latents_of(run: LoadedRun, images: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns split to latents of the images that a run clustered, made anew if it kept none.

    Raises:
        UserError: If these are not the images that the run had.
    """
    if {split: sum_of(held) for split, held in images.items()} != run.sums:
        raise UserError(f"the images of {run.directory} are others now: put the old ones back.")
    if isinstance(run.model, Pixels):
        return {split: encode_all(run.model, held) for split, held in images.items()}
    return run.latents
