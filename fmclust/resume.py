"""Resume a stopped or failed run from its last epoch-end checkpoint.

`python -m fmclust.resume run=outputs/<date>/<time>`
"""

import os
import shlex
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from fmclust.config.command import command
from fmclust.config.schema import (
    folder_of_pictures,
    require_engine,
    require_n_clusters,
    require_target,
    sort_target,
)
from fmclust.errors import UserError

OWN_KEYS = ("run", "sort_into", "contact_sheets", "traceback")  # not of the run's configuration


def resume(config: DictConfig) -> float:
    """Resume a run with its saved configuration and typed changes; skip a finished run."""
    from fmclust.runs import CLUSTERINGS, is_done, read_config, read_objective, read_status

    if not isinstance(config.run, str):
        raise UserError(f"run={config.run} is not a directory: type run=<a run directory>.")
    directory = Path(os.path.abspath(config.run))  # as in the checkpoints
    if directory.parent.name == CLUSTERINGS:
        raise UserError(
            f"{directory} is a clustering: repeat its command, python -m fmclust.cluster."
        )
    status, changed, typed = read_status(directory), changes(config), typed_changes()
    if "cluster" in changed:
        refuse_without_callback(directory, status)
    if is_done(status) and config.sort_into is None:
        print(f"{directory} is finished already: nothing was done.")
        return read_objective(directory)

    # Refuses a folder that is no run before the imports, which take seconds.
    saved = read_config(directory)
    if config.data.root is not None:
        saved.data.root = changed["data.root"]
    target = sort_target(config, folder_of_pictures(saved))

    from pytorch_lightning.utilities import rank_zero_only

    from fmclust.jobs.run import resume_job  # imports torch and Lightning
    from fmclust.jobs.sorting import sort_run
    from fmclust.reports.tables import print_run

    if is_done(status):
        objective = read_objective(directory)
    else:
        objective = resume_job(directory, changed, typed)
    if target is not None:
        rank_zero_only(sort_run)(
            directory, target, has_sheets=config.contact_sheets, root=changed.get("data.root")
        )
    rank_zero_only(print_run)(directory)
    if target is not None:
        rank_zero_only(print)(f"Images by cluster: {target}")
    return objective


def typed_changes() -> list[str]:
    """Return the typed overrides that change the configuration of the run.

    Raises:
        UserError: If one would change nothing.
    """
    typed = [t for t in HydraConfig.get().overrides.task if t.partition("=")[0] not in OWN_KEYS]
    for override in typed:
        if override.startswith(("+", "~")) and not override.lstrip("+~").startswith("cluster"):
            raise UserError(
                f"{override} would change nothing, since a resumed run keeps its configuration: "
                "leave it out."
            )
    return typed


def changes(config: DictConfig) -> dict[str, Any]:
    """Return the typed changes of the configuration of the run: key to value."""
    found: dict[str, Any] = {}
    for key in ("n_clusters", "trainer.accelerator", "trainer.devices"):
        if (value := OmegaConf.select(config, key)) is not None:
            found[key] = value
    if config.n_clusters is not None:
        require_n_clusters(config.n_clusters)
        if config.get("cluster") is None:
            raise UserError(
                f"n_clusters={config.n_clusters} is for a new clusterer: also type cluster=gmm, "
                "for example."
            )
    if config.data.root is not None:
        found["data.root"] = os.path.abspath(config.data.root)
    if config.get("cluster") is not None:
        for key, settings in config.cluster.items():
            require_target(f"cluster.{key}", settings)
        require_engine(config.cluster)
        found["cluster"] = config.cluster
    return found


def refuse_without_callback(directory: Path, status: dict[str, Any] | None) -> None:
    """Refuse another clusterer if resuming the run would not cluster anything."""
    from fmclust.config.schema import clusters_after
    from fmclust.runs import is_done, read_config

    if status is not None and (is_done(status) or not clusters_after(read_config(directory))):
        run = shlex.quote(f"run={directory}")
        raise UserError(
            f"resuming {directory} would cluster nothing: type python -m fmclust.cluster {run} "
            "cluster=<option>."
        )


main = command("resume", resume)

if __name__ == "__main__":
    main()
