"""Sweeps: many jobs of one command, none of which can end the others.

Hydra starts the jobs, in this process or in others; what they have in common is the sweep's
directory, so its progress and its tables are read from there.
"""

import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, complain

log = logging.getLogger(__name__)
WORST = sys.float_info.max  # a failed job's objective: finite, since NaN ends a sweeper
PLAN = "sweep.json"
SUBDIR = "${hydra.job.num}"


@dataclass(frozen=True)
class Sweep:
    """A sweep's directory and the overrides of each of its jobs."""

    directory: Path
    jobs: list[list[str]]

    def job_directories(self) -> list[Path]:
        return [self.directory / str(number) for number in range(len(self.jobs))]

    def statuses(self) -> list[str]:
        """Returns the status of every job; empty for those that have none yet."""
        from fmclust.runs.reading import read_status

        found = []
        for path in self.job_directories():
            try:
                found.append((read_status(path) or {"status": ""})["status"])
            except UserError:  # told in the tables
                found.append("failed")
        return found

    def report(self) -> bool:
        """Prints and writes the tables; says whether all jobs are done."""
        from fmclust.reports import Job, report_sweep

        if not any(self.statuses()):  # refused as a whole: its command may be put right
            (self.directory / PLAN).unlink()
            return False
        jobs = [
            Job.read(path, overrides)
            for path, overrides in zip(self.job_directories(), self.jobs, strict=True)
        ]
        report_sweep(self.directory, jobs)
        return all(job.status == "done" for job in jobs)


def planned_jobs(config: DictConfig) -> list[list[str]]:
    """Returns the overrides of every job, as Hydra's basic sweeper will make them.

    Raises:
        UserError: If another sweeper is configured, which plans as it goes, or other directories.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    settings: Any = OmegaConf.to_container(config.hydra.sweep)
    if settings["subdir"] != SUBDIR:
        raise UserError("a sweep numbers its jobs' directories: leave out hydra.sweep.subdir=.")
    if not config.hydra.sweeper["_target_"].endswith("BasicSweeper"):
        raise UserError("only Hydra's basic sweeper is supported: leave out hydra/sweeper=.")
    parameters = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    typed = [*parameters, *config.hydra.overrides.task]
    parsed = OverridesParser.create().parse_overrides(typed)
    return BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]


def write_plan(sweep: Sweep) -> None:
    """Notes a sweep's jobs in its directory.

    Raises:
        UserError: If the directory holds a sweep of other jobs.
    """
    from fmclust.runs.files import read_json, write_json

    path = sweep.directory / PLAN
    if not path.exists():
        write_json(path, sweep.jobs)
    elif read_json(path) != sweep.jobs:
        raise UserError(
            f"{sweep.directory} holds another sweep: repeat its command to go on with it, "
            "or type hydra.sweep.dir=<a new directory>."
        )


def sweep_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Runs one job of a sweep, or what is missing of it.

    Args:
        config: As composed.
        directory: The job's run directory; it may hold a finished or a stopped job.
        overrides: The job's overrides.

    Returns:
        The job's objective, a finished job's as it is stored; if the job failed, the largest
        float, so that the others go on.
    """
    from fmclust.jobs.run import resume_job, run_job
    from fmclust.runs import claim, read_overrides, read_status
    from fmclust.training.trainer import is_single_process

    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is sys.stdout:  # which several jobs may share
            handler.setFormatter(logging.Formatter(f"job {directory.name}: %(message)s"))
    try:
        if not is_single_process(config.trainer):
            raise UserError(
                "several devices would start the whole sweep again in every process: type "
                "trainer.devices=1 trainer.strategy=auto, or run without -m."
            )
        status = read_status(directory)
        if status is None:
            return run_job(config, directory, overrides)
        if read_overrides(directory) != overrides:
            raise UserError(f"{directory} holds a job with other overrides.")
        return status["objective"] if status["status"] == "done" else resume_job(directory)
    except UserError as error:
        complain(f"job {directory.name} failed: {error}", shown=error if config.traceback else None)
        if not (directory / "status.json").exists():  # it was refused before it took its directory
            with (
                suppress(UserError),
                claim(
                    directory,
                    config=OmegaConf.to_yaml(config, resolve=True),
                    overrides=OmegaConf.to_yaml(overrides),
                ),
            ):
                raise error
    except Exception as error:
        log.exception("job %s failed: %s", directory.name, error)
    return WORST
