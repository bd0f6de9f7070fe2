"""Run the main job: images to latents to clusters to scores, in a new run directory.

`python -m fmclust.train model=convae cluster=gmm`
"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fmclust.config.command import command
from fmclust.config.schema import folder_of_pictures, sort_target
from fmclust.errors import UserError
from fmclust.jobs.sweep import SweepPlan, sweep_job


def train(config: DictConfig) -> float:
    """Run the job that the command line describes, in the directory that Hydra has made."""
    from pytorch_lightning.utilities import rank_zero_only

    # These import torch and Lightning, which `--help` does not need.
    from fmclust.jobs.run import run_job
    from fmclust.jobs.sorting import sort_run
    from fmclust.reports.tables import print_run

    hydra = HydraConfig.get()
    run = sweep_job if hydra.mode == RunMode.MULTIRUN else run_job
    if run is sweep_job and config.sort_into is not None:
        raise UserError("sort_into= is for one run: leave it out, or leave out -m.")
    if config.threads is None:
        config.threads = share_of_cores(hydra.launcher)
    directory = Path(hydra.runtime.output_dir)
    target = sort_target(config, folder_of_pictures(config))
    objective = run(config, directory, list(hydra.overrides.task))
    if target is not None:
        rank_zero_only(sort_run)(directory, target, has_sheets=config.contact_sheets)
    if run is run_job:
        rank_zero_only(print_run)(directory)
    if target is not None:
        rank_zero_only(print)(f"Images by cluster: {target}")
    return objective


def share_of_cores(launcher: DictConfig) -> int | None:
    """Return the threads of one of a launcher's parallel jobs; None for all threads."""
    if "cpus_per_task" in launcher:  # submitit's
        return int(launcher.cpus_per_task)
    if "n_jobs" in launcher:  # joblib's; -1 means one job per core
        from joblib import cpu_count  # those that this process may use

        return max(1, cpu_count() // launcher.n_jobs) if launcher.n_jobs > 0 else 1
    return None


main = command("config", train, finish=SweepPlan.finish)

if __name__ == "__main__":
    main()
