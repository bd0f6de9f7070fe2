"""Sweeps: many jobs of one command, none of which can end the others.

Hydra starts the jobs, in this process or in others; what they have in common is the sweep's
directory: sweep.json, its plan, and a directory for each job.
"""

import itertools
import logging
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, complain

log = logging.getLogger(__name__)
FAILED = 1  # exit status of a bug
WORST = sys.float_info.max  # of a failed job: finite, since NaN ends a sweeper
PLAN = "sweep.json"
SUBDIR = "${hydra.job.num}"


@dataclass(frozen=True)
class Sweep:
    """A sweep's directory and the overrides of each of its jobs."""

    directory: Path
    jobs: list[list[str]]

    def directories(self) -> list[Path]:
        """Return the run directory of every job."""
        return [self.directory / str(number) for number in range(len(self.jobs))]

    def statuses(self) -> list[str]:
        """Return the status of every job; empty for those that have none yet."""
        from fmclust.runs.reading import read_status

        found = []
        for path in self.directories():
            try:
                found.append((read_status(path) or {"status": ""})["status"])
            except UserError:  # its reason is in the tables
                found.append("failed")
        return found

    def report(self) -> bool:
        """Print and write the tables; return whether all jobs are done."""
        from fmclust.reports import Job, report_sweep

        if not any(self.statuses()):  # refused as a whole: its command may be put right
            (self.directory / PLAN).unlink()
            return False
        jobs = [
            Job.read(path, overrides)
            for path, overrides in zip(self.directories(), self.jobs, strict=True)
        ]
        report_sweep(self.directory, jobs)
        return all(job.status == "done" for job in jobs)


class SweepPlan(Callback):
    """Writes the plan of a sweep when Hydra starts it.

    Hydra's main returns nothing, and calls `on_multirun_end` neither after a failed job nor after
    an interrupt: the command asks `finish` for the tables of this process's sweep.
    """

    sweep: Sweep | None = None

    @classmethod
    def finish(cls) -> bool:
        """Report the sweep of this process; return whether all its jobs are done, if any."""
        if cls.sweep is None:
            return True
        from fmclust.runs.files import full_disk_as_user_error

        sweep, cls.sweep = cls.sweep, None
        with full_disk_as_user_error(sweep.directory):
            return sweep.report()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Write the plan; refuse a directory that holds another sweep."""
        try:
            if (jobs := planned_jobs(config)) is None:
                return
            sweep = Sweep(Path(config.hydra.sweep.dir), jobs)
            write_plan(sweep)
        except (UserError, OSError) as error:  # Hydra would swallow any error
            raise SystemExit(complain(str(error))) from None
        except Exception:
            log.exception("the sweep can't be planned")
            raise SystemExit(FAILED) from None
        SweepPlan.sweep = sweep
        if n_done := sweep.statuses().count("done"):
            print(f"Sweep: {n_done} of {len(jobs)} jobs are done already", flush=True)


def planned_jobs(config: DictConfig) -> list[list[str]] | None:
    """Return the overrides of every job, as Hydra's basic sweeper makes them; None for another.

    Raises:
        UserError: If the jobs' directories are not numbered.
    """
    settings: Any = OmegaConf.to_container(config.hydra.sweep)
    if settings["subdir"] != SUBDIR:
        raise UserError("a sweep numbers its jobs' directories: leave out hydra.sweep.subdir=.")
    if not config.hydra.sweeper["_target_"].endswith(".BasicSweeper"):
        log.warning("Another sweeper than Hydra's basic one: no tables are written at the end.")
        return None
    parameters = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    typed = [*parameters, *config.hydra.overrides.task]
    jobs: dict[str, list[str]] = {}  # of a key that is typed twice the last counts
    for override in OverridesParser.create().parse_overrides(typed):
        key = override.get_key_element()
        if override.is_sweep_override():
            values = list(override.sweep_string_iterator())
        else:
            values = [override.get_value_element_as_str()]
        jobs[key] = [f"{key}={value}" for value in values]
    return [list(job) for job in itertools.product(*jobs.values())]


def write_plan(sweep: Sweep) -> None:
    """Write a sweep's jobs into its directory.

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
    """Run one job of a sweep, or finish it, and print the progress of the sweep.

    Args:
        config: As composed.
        directory: The job's run directory; it may hold a finished or a stopped job.
        overrides: The job's overrides.

    Returns:
        The number that the sweep minimizes; if the job failed, the largest float, so that the
        others go on.
    """
    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is sys.stdout:  # which several jobs may share
            handler.setFormatter(logging.Formatter(f"job {directory.name}: %(message)s"))
    start = time.time()
    try:
        return _run(config, directory, overrides)
    except UserError as error:
        complain(f"job {directory.name} failed: {error}", error=error)
        if not (directory / "status.json").exists():
            _note_refusal(config, directory, overrides, error)
    except Exception as error:
        log.exception("job %s failed: %s", directory.name, error)
    finally:
        _print_progress(directory.parent, start)
    return WORST


def _run(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    from fmclust.jobs.run import resume_job, run_job
    from fmclust.runs import is_done, read_metrics, read_overrides, read_status
    from fmclust.training.trainer import is_single_process

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
    if is_done(status):
        return read_metrics(directory)[status["objective"]]
    return resume_job(directory, is_own=True)


def _note_refusal(
    config: DictConfig, directory: Path, overrides: list[str], error: UserError
) -> None:
    """Write a job directory whose status says why the job was refused."""
    from fmclust.runs import claim

    saved, typed = OmegaConf.to_yaml(config, resolve=True), OmegaConf.to_yaml(overrides)
    with suppress(UserError), claim(directory, config=saved, overrides=typed):
        raise error


def _print_progress(directory: Path, start: float) -> None:
    """Print how many jobs have ended, and about how long the others will take."""
    from fmclust.runs.files import read_json

    if (jobs := read_json(directory / PLAN)) is None:
        return
    statuses = Sweep(directory, jobs).statuses()
    ended = sum(status in ("done", "failed", "stopped") for status in statuses)
    minutes = (time.time() - start) / 60 * (len(statuses) - ended)
    print(
        f"Sweep: {ended} of {len(statuses)} jobs ended, {statuses.count('failed')} failed, about "
        f"{minutes:.1f} min for the rest, one after another",
        flush=True,
    )
