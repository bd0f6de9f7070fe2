"""Sweeps: many jobs of one command; a failed job does not stop the others.

Hydra starts the jobs, in this process or in others. They share the directory of the sweep, which
holds its plan, sweep.json, and a directory for each job.
"""

import itertools
import logging
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from fmclust.config.mistakes import explain
from fmclust.errors import Interrupted, UserError, complain, one_line

log = logging.getLogger(__name__)
FAILED = 1  # exit status after a bug
SUBDIR = "${hydra.job.num}"


@dataclass(frozen=True)
class Sweep:
    """The directory of a sweep and the overrides of each job."""

    directory: Path
    jobs: list[list[str]]

    def directories(self) -> list[Path]:
        """Return the run directory of every job."""
        return [self.directory / str(number) for number in range(len(self.jobs))]

    def statuses(self) -> list[str]:
        """Return the status of every job; an empty string for jobs that have none yet."""
        from fmclust.runs.reading import read_status

        found = []
        for path in self.directories():
            try:
                found.append((read_status(path) or {"status": ""})["status"])
            except UserError:  # the tables show the reason
                found.append("failed")
        return found

    def report(self) -> bool:
        """Print and write the tables; return whether all jobs are done."""
        from fmclust.reports.jobs import Job
        from fmclust.reports.sweeps import report_sweep
        from fmclust.runs.layout import SWEEP_PLAN

        if not any(self.statuses()):  # no job has begun: the command may be corrected
            (self.directory / SWEEP_PLAN).unlink()
            return False
        jobs = [
            Job.read(path, overrides)
            for path, overrides in zip(self.directories(), self.jobs, strict=True)
        ]
        report_sweep(self.directory, jobs)
        return all(job.status == "done" for job in jobs)


class SweepPlan(Callback):
    """Write the plan of a sweep when Hydra starts it.

    Hydra does not call `on_multirun_end` after a failed job or an interrupt. Therefore the command
    calls `finish`, which writes the tables of the sweep.
    """

    sweep: Sweep | None = None

    @classmethod
    def finish(cls) -> bool:
        """Report the sweep of this process, if any; return whether all its jobs are done."""
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
        except (UserError, OSError) as error:  # Hydra ignores errors of callbacks
            raise SystemExit(complain(str(error))) from None
        except HydraException as error:
            raise SystemExit(complain(explain(error, "config"))) from None
        except Exception:
            log.exception("the sweep can't be planned")
            raise SystemExit(FAILED) from None
        SweepPlan.sweep = sweep
        n_done = sweep.statuses().count("done")
        done = f", {n_done} done already" if n_done else ""
        print(f"Sweep: {len(jobs)} jobs in {sweep.directory}{done}", flush=True)


def planned_jobs(config: DictConfig) -> list[list[str]] | None:
    """Return the overrides of every job of Hydra's basic sweeper, or None for other sweepers.

    Raises:
        UserError: If the jobs' directories are not numbered.
    """
    settings: Any = OmegaConf.to_container(config.hydra.sweep)
    if settings["subdir"] != SUBDIR:
        raise UserError("a sweep numbers its jobs' directories: leave out hydra.sweep.subdir=.")
    if not config.hydra.sweeper["_target_"].endswith(".BasicSweeper"):
        log.warning("The sweeper is not Hydra's basic sweeper: no tables are written at the end.")
        return None
    parameters = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    typed = [*parameters, *config.hydra.overrides.task]
    jobs: dict[str, list[str]] = {}  # if a key is typed twice, the last one counts
    loader = GlobalHydra.instance().config_loader()  # for glob(), which looks at files
    for override in OverridesParser.create(loader).parse_overrides(typed):
        key = override.get_key_element()
        if override.is_sweep_override():
            if getattr(override.value(), "shuffle", False):
                raise UserError(f"{key} is shuffled anew by every command: leave out shuffle.")
            values = list(override.sweep_string_iterator())
        else:
            values = [override.get_value_element_as_str()]
        jobs[key] = [f"{key}={value}" for value in values]
    return [list(job) for job in itertools.product(*jobs.values())]


def write_plan(sweep: Sweep) -> None:
    """Write the jobs of a sweep into its directory.

    Raises:
        UserError: If the directory holds a sweep of other jobs.
    """
    from fmclust.runs.files import read_json, write_json
    from fmclust.runs.layout import SWEEP_PLAN

    path = sweep.directory / SWEEP_PLAN
    if not path.exists():
        write_json(path, sweep.jobs)
    elif read_json(path) != sweep.jobs:
        raise UserError(
            f"{sweep.directory} holds another sweep: repeat its command to continue it, "
            "or type hydra.sweep.dir=<a new directory>."
        )
    path.touch()  # the time when this attempt began


def sweep_job(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    """Run or resume one job of a sweep, and print the progress of the sweep.

    Args:
        config: Configuration composed from `conf/config.yaml`.
        directory: The run directory of the job; it may hold a finished or a stopped job.
        overrides: The overrides of the job.

    Returns:
        The objective that the sweep minimizes; the largest float if the job failed.
    """
    from fmclust.runs import NO_OBJECTIVE

    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is sys.stdout:  # several jobs may share it
            handler.setFormatter(logging.Formatter(f"job {directory.name}: %(message)s"))
    start = time.time()
    objective = NO_OBJECTIVE
    try:
        objective = _run(config, directory, overrides)
    except KeyboardInterrupt:
        where = shlex.quote(f"hydra.sweep.dir={directory.parent}")
        raise Interrupted(f"Stopped. To go on, type the same command with {where}") from None
    except UserError as error:
        complain(f"job {directory.name} failed: {error}", error=error)
        _note_failure(config, directory, overrides, error, start)
    except Exception as error:
        log.exception("job %s failed: %s", directory.name, error)
        reason = UserError(f"{type(error).__name__}: {one_line(error)}")
        _note_failure(config, directory, overrides, reason, start)
    _print_progress(directory, start)
    return objective


def _run(config: DictConfig, directory: Path, overrides: list[str]) -> float:
    from fmclust.jobs.run import resume_job, run_job
    from fmclust.runs import is_done, read_objective, read_overrides, read_status
    from fmclust.training.trainer import is_single_process

    if not is_single_process(config.trainer):
        raise UserError(
            "several devices would start the whole sweep again in every process: type "
            "trainer.devices=1 trainer.strategy=auto, or run without -m."
        )
    status = read_status(directory)
    if not is_done(status):
        log.info(" ".join(overrides))
    if status is None:
        return run_job(config, directory, overrides)
    if read_overrides(directory) != overrides:
        raise UserError(f"{directory} holds a job with other overrides.")
    if is_done(status):
        return read_objective(directory)
    return resume_job(directory, is_own=True)


def _note_failure(
    config: DictConfig, directory: Path, overrides: list[str], error: UserError, start: float
) -> None:
    """Write the reason into the status of a job that failed before it took its directory.

    Args:
        config: Configuration of the job.
        directory: The run directory of the job.
        overrides: The overrides of the job.
        error: The reason.
        start: Time when the job began, in seconds since 1970.
    """
    from fmclust.jobs.advice import JOB
    from fmclust.runs import claim, read_overrides, reopen
    from fmclust.runs.layout import STATUS

    status = directory / STATUS
    with suppress(UserError):  # the error itself, or why nothing can be written
        if not status.exists():
            with claim(directory, config, overrides, JOB):
                raise error
        if status.stat().st_mtime < start and read_overrides(directory) == overrides:
            with reopen(directory, JOB):
                raise error


def _print_progress(directory: Path, start: float) -> None:
    """Print how many jobs have ended in this attempt at the sweep, and the time for the others.

    Args:
        directory: The run directory of the last job; nothing is printed if it was done before.
        start: Time when that job began, in seconds since 1970.
    """
    from fmclust.runs.files import read_json
    from fmclust.runs.layout import STATUS, SWEEP_PLAN

    plan = directory.parent / SWEEP_PLAN
    if (jobs := read_json(plan)) is None:
        return
    sweep, begun = Sweep(plan.parent, jobs), plan.stat().st_mtime
    found = dict(zip(sweep.directories(), sweep.statuses(), strict=True))
    new = {p: s for p, s in found.items() if s and (p / STATUS).stat().st_mtime >= begun}
    if directory not in new:
        return
    ended = {p for p, status in new.items() if status in ("done", "failed", "stopped")}
    ended |= {p for p, status in found.items() if status == "done"}
    minutes = (time.time() - start) / 60 * (len(jobs) - len(ended))
    print(
        f"Sweep: {len(ended)} of {len(jobs)} jobs ended, {[*new.values()].count('failed')} failed, "
        f"about {minutes:.1f} min for the rest, one after another",
        flush=True,
    )
