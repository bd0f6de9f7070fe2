"""Cluster the latents of finished runs again, without training.

`python -m fmclust.cluster run=<directory> cluster=kmeans`
"""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.config.schema import is_file_name, require_n_clusters, require_target
from fmclust.errors import UserError, complain, require_bool, require_seed


def cluster(config: DictConfig) -> None:
    """Cluster every run with every clusterer; write clusterings/<name>/ in each directory."""
    directories, names = require(config)
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
    wanted = [str(key) for key, settings in config.cluster.items() if settings is not None]
    name = None if config.name is None else str(config.name)
    if name is not None and not (len(wanted) == 1 and is_file_name(name)):
        raise UserError(f"name={name} is not a folder's name for one clusterer: type name=<word>.")
    return find_runs("run", str(config.run)), {key: name or key for key in wanted}


main = command("cluster", cluster)

if __name__ == "__main__":
    main()
