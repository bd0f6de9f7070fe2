"""Write HTML pages of finished runs: report.html of each, and a page that compares them.

`python -m fmclust.report runs='outputs/sweeps/<date>/<time>/*'`
"""

import os
import sys
from pathlib import Path

from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.errors import UserError, complain, one_line


def report(config: DictConfig) -> None:
    """Write report.html of every finished run; for several runs, also a page that compares them."""
    from rich.progress import track  # imported here, since `--help` doesn't need these

    from fmclust.reports.jobs import Job
    from fmclust.reports.pages import is_page, write_run_page, write_runs_page
    from fmclust.runs import find_runs, update_manifest

    directories = find_runs("runs", str(config.runs))
    if len(directories) == 1 and config.output is not None:
        raise UserError("output= is a page over several runs: leave it out for the page of one.")
    jobs = [Job.read(path) for path in directories]
    done = [job.directory for job in jobs if job.status == "done"]
    failed = [job for job in jobs if job.is_damaged]
    if not done:
        missing = f"runs={config.runs} has no finished run: type runs=<finished runs>."
        raise UserError(failed[0].reason if failed else missing)
    for directory in track(done, "Writing pages"):
        try:
            page = write_run_page(directory)
            update_manifest(directory)
        except (UserError, OSError) as error:
            if len(jobs) == 1:
                raise
            failed.append(Job(directory, {}, "failed", one_line(error)))
    if len(jobs) > 1:
        folder = Path(os.path.commonpath(directories))
        page = folder / "report.html" if config.output is None else Path(str(config.output))
        if page.exists() and not is_page(page):
            raise UserError(f"output={page} is not a page of fmclust: type output=<a new file>.")
        write_runs_page(page.absolute(), jobs)
    print(page)
    for job in failed:
        complain(f"{job.directory}: {job.reason}")
    if failed:
        sys.exit(FAILED_JOBS)


main = command("report", report)

if __name__ == "__main__":
    main()
