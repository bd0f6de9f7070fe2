"""Clustering the latents of finished runs again, without training.

`python -m fmclust.cluster run=<directory> cluster=kmeans`
"""

import sys
from functools import partial
from glob import glob
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from fmclust.entry import FAILED_JOBS, command
from fmclust.errors import UserError, complain, require_whole


def cluster(config: DictConfig) -> None:
    """Clusters every run with every clusterer; leaves clusterings/<name>/ in each directory."""
    directories, names = require(config)
    from fmclust.devices import limited_threads  # torch, which `--help` does without

    failed = 0
    with limited_threads(config.threads):
        for number, directory in enumerate(directories, 1):
            if len(directories) > 1:
                print(f"{number} of {len(directories)}: {directory}", flush=True)
            try:
                cluster_again(directory, config, names)
            except UserError as error:
                if len(directories) == 1:
                    raise
                complain(f"{directory}: {error}")
                failed += 1
    if failed:
        complain(f"{failed} of {len(directories)} runs were not clustered.")
        sys.exit(FAILED_JOBS)


def require(config: DictConfig) -> tuple[list[Path], dict[str, str]]:
    """Returns the runs' directories, and by what name each clusterer's results go.

    Raises:
        UserError: If there is no such run, or a value makes no sense.
    """
    for key, least in (("n_clusters", 1), ("seed", 0), ("threads", 1)):
        if config[key] is not None:
            require_whole(key, config[key], least)
    wanted = [str(key) for key, settings in config.cluster.items() if settings is not None]
    if config.name is not None and (len(wanted) != 1 or Path(str(config.name)).name != config.name):
        raise UserError(
            f"name={config.name} is to be a folder's name, of one clusterer: type name=<word>."
        )
    directories = [Path(path).absolute() for path in sorted(glob(str(config.run)))]
    found = [path for path in directories if (path / "status.json").exists()]
    if not found:
        raise UserError(f"run={config.run} is no run directory: type run=<a finished run's>.")
    return found, {key: config.name or key for key in wanted}


def cluster_again(directory: Path, config: DictConfig, names: dict[str, str]) -> None:
    """Clusters the latents of one run.

    Args:
        directory: The run directory.
        config: With the clusterers.
        names: Clusterer to the name of what comes of it.

    Raises:
        UserError: If the run is not finished, its images have changed, or a name is taken.
    """
    from sklearn.base import BaseEstimator

    from fmclust.config import build
    from fmclust.data import ImageDataModule
    from fmclust.evaluation import Labels, evaluate
    from fmclust.loaded import load_run
    from fmclust.models import decode_all
    from fmclust.reports import print_run
    from fmclust.runs import CLUSTERINGS, claim, environment

    loaded = load_run(directory)
    for name in names.values():
        if name in loaded.clusterers:
            raise UserError(f"the run has a clustering named {name}: type name=<another>.")
    data = build(loaded.config.data, ImageDataModule)
    data.setup()
    images = {split: held.images for split, held in data.splits.items()}
    latents = loaded.latents_of(images)
    for key, name in names.items():
        own = loaded.config.copy()
        for setting in ("n_clusters", "seed"):
            own[setting] = config[setting] if config[setting] is not None else own[setting]
        own.cluster = {name: config.cluster[key]}
        target = directory / CLUSTERINGS / name
        if target.exists():
            raise UserError(f"{target} was not finished: delete it, or type name=<another>.")
        texts = {"config": OmegaConf.to_yaml(own, resolve=True)}
        texts["overrides"] = OmegaConf.to_yaml(list(HydraConfig.get().overrides.task))
        with claim(target, **texts) as run:
            run.facts.update(environment())
            evaluate(
                run,
                {name: build(own.cluster[name], BaseEstimator)},
                latents,
                images,
                fitted_split=data.fitted_split,
                labels=Labels.of(data.splits, data.class_names),
                decode=partial(decode_all, loaded.model),
            )
        print_run(target)


main = command("cluster", cluster)

if __name__ == "__main__":
    main()
