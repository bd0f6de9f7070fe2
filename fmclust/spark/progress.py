"""One bar for the tasks that Spark is working on."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress

from fmclust.terminal import console

if TYPE_CHECKING:
    from pyspark import StatusTracker
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)
INTERVAL = 0.5  # seconds between two looks


@contextmanager
def tasks_shown(session: "SparkSession", text: str) -> Iterator[None]:
    """Log the text, and show a bar of the tasks of the active stages while the block runs."""
    log.info(text)
    tracker, ended = session.sparkContext.statusTracker(), threading.Event()
    with Progress(console=console(), transient=True) as progress:
        task = progress.add_task(text, total=None)

        def follow() -> None:
            while not ended.wait(INTERVAL):
                done, total = active_tasks(tracker)
                if total:
                    progress.update(task, completed=done, total=total)

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()


def active_tasks(tracker: "StatusTracker") -> tuple[int, int]:
    """Return the number of finished tasks and of all tasks of the active stages."""
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    known = [stage for stage in stages if stage is not None]
    return sum(s.numCompletedTasks for s in known), sum(s.numTasks for s in known)
