"""How a sweep goes on, told while it runs."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from fmclust.errors import UserError, complain
from fmclust.jobs.sweep import Sweep, planned_jobs, write_plan

POLL = 0.5  # seconds


class SweepWatch(Callback):
    """Notes the plan of a sweep when Hydra starts it, and tells how it goes on.

    Hydra's main gives nothing back and its `on_multirun_end` is not called after an interrupt:
    the entry helper asks `sweep` for the sweep of this process.
    """

    sweep: Sweep | None = None
    _thread: threading.Thread
    _stop = threading.Event()

    @classmethod
    def finish(cls) -> bool:
        """Reports the sweep of this process; whether all of its jobs are done, or none was made."""
        if cls.sweep is None:
            return True
        cls._stop.set()
        cls._thread.join()
        from fmclust.runs.files import telling_of_a_full_disk

        sweep, cls.sweep, cls._stop = cls.sweep, None, threading.Event()
        with telling_of_a_full_disk(sweep.directory):
            return sweep.report()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        try:
            sweep = Sweep(Path(config.hydra.sweep.dir), planned_jobs(config))
            write_plan(sweep)
        except (UserError, OSError) as error:  # Hydra would swallow it
            raise SystemExit(complain(str(error))) from None
        SweepWatch.sweep = sweep
        SweepWatch._thread = threading.Thread(target=_watch, args=(sweep, self._stop), daemon=True)
        SweepWatch._thread.start()


def _watch(sweep: Sweep, stop: threading.Event) -> None:
    """Prints a line whenever a job ends, in whichever process it runs."""
    start = time.time()
    statuses = sweep.statuses()
    n_kept = statuses.count("done")
    if n_kept:
        print(f"Sweep: {n_kept} of {len(statuses)} jobs are done already", flush=True)
    paths = sweep.job_directories()
    open_jobs = [n for n, status in enumerate(statuses) if status != "done"]
    ended: set[int] = set()
    while not stop.wait(POLL):
        statuses = sweep.statuses()
        now_ended = {
            n
            for n in open_jobs
            if statuses[n] in ("done", "failed")
            and (paths[n] / "status.json").stat().st_mtime >= start
        }
        if now_ended != ended:
            ended = now_ended
            rest = sum(_epochs(sweep.jobs[n]) for n in open_jobs if n not in ended)
            left = (time.time() - start) * rest / sum(_epochs(sweep.jobs[n]) for n in ended)
            print(
                f"Sweep: {n_kept + len(ended)} of {len(statuses)} jobs ended, "
                f"{statuses.count('failed')} failed, about {left / 60:.1f} min left",
                flush=True,
            )


def _epochs(overrides: Sequence[str]) -> float:
    """The work of a job, as far as a sweep over epochs says: jobs are alike otherwise."""
    swept = [o.split("=", 1)[1] for o in overrides if o.startswith("trainer.max_epochs=")]
    return max(1.0, float(swept[0])) if swept and swept[0].isdigit() else 1.0
