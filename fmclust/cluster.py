"""Cluster the latents of finished runs again, without training.

`python -m fmclust.cluster run=<directory> cluster=kmeans`
"""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.config.schema import (
    AUTO,
    is_file_name,
    require_engine,
    require_n_clusters,
    require_target,
)
from fmclust.errors import UserError, complain, require_bool, require_option, require_seed


def cluster(config: DictConfig) -> None:
    """Cluster every run with every clusterer; write clusterings/<name>/ in each directory."""
    directories, names = require(config)
    if config.engine == "spark":
        from fmclust.jobs.spark_clustering import cluster_on_spark as cluster_again
    else:
        from fmclust.jobs.recluster import cluster_again
    from fmclust.jobs.threads import limited_threads  # imports torch, which `--help` does not need
    from fmclust.reports.tables import print_run

    failed, typed = 0, list(HydraConfig.get().overrides.task)
    with limited_threads(config.threads):
        for number, directory in enumerate(directories, 1):
            if len(directories) > 1:
                print(f"{number} of {len(directories)}: {directory}", flush=True)
            try:
                for made in cluster_again(directory, config, names, typed):
                    print_run(made)
            except UserError as error:
                if len(directories) == 1:
                    raise
                complain(f"{directory}: {error}", error=error)
                failed += 1
    if failed:
        complain(f"{failed} of {len(directories)} runs were not clustered.")
        sys.exit(FAILED_JOBS)


def require(config: DictConfig) -> tuple[list[Path], dict[str, str]]:
    """Return the run directories, and clusterer to the name of its clustering.

    Raises:
        UserError: If there is no such run, or a value is invalid.
    """
    from fmclust.runs import find_runs

    if config.n_clusters is not None:
        require_n_clusters(config.n_clusters)
    if config.seed is not None:
        require_seed(config.seed)
    for key, settings in config.cluster.items():
        require_target(f"cluster.{key}", settings)
    if not isinstance(config.data, DictConfig):
        raise UserError(
            "the data of the runs can't be changed: type data.root=<folder> if it was moved."
        )
    if config.figures is not None:
        require_bool("figures", config.figures)
    require_option("engine", config.engine, ("local", "spark"))
    require_engine(config.cluster, config.engine)
    if config.engine == "spark":
        _require_latents(config)
    elif config.latents is not None or config.labels is not None:
        raise UserError("latents= and labels= are for Spark: type engine=spark, or leave them out.")
    directories = find_runs("run", str(config.run))
    if config.engine == "spark" and len(directories) > 1:
        raise UserError(
            f"run={config.run} matches {len(directories)} runs, and the latents are those of one: "
            "type run=<the run that made them>."
        )
    return directories, _names(config)


def _names(config: DictConfig) -> dict[str, str]:
    """Return clusterer to the name of its clustering; raise UserError as `require` does."""
    wanted = [str(key) for key, settings in config.cluster.items() if settings is not None]
    name = None if config.name is None else str(config.name)
    if name is not None and len(wanted) > 1:
        raise UserError(f"name={name} is for one clusterer: leave it out.")
    if name is not None and not is_file_name(name):
        raise UserError(f"name={name} is not a folder's name: type name=<word>.")
    return {key: name or key for key in wanted}


def _require_latents(config: DictConfig) -> None:
    """Check what only `engine=spark` needs; raise UserError as `require` does."""
    if config.latents is None:
        raise UserError(
            "engine=spark clusters latents in Parquet files: type latents=<the output of assign "
            "with engine=spark>."
        )
    if config.n_clusters == AUTO:
        raise UserError("n_clusters=auto needs engine=local: type n_clusters=<a number>.")


main = command("cluster", cluster)

if __name__ == "__main__":
    main()
