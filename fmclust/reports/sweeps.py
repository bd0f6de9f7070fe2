"""The jobs of a sweep as tables, CSV files, a plot and a page."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from fmclust.metrics import SCORES
from fmclust.plots import save
from fmclust.reports.jobs import OBJECTIVE, Job, job_frame, short_names, swept_keys, varied_keys
from fmclust.reports.markdown import mean_and_sd
from fmclust.reports.pages import write_runs_page
from fmclust.reports.scores import draw_scores
from fmclust.reports.tables import PAGE, RunTable
from fmclust.runs import replacing


def report_sweep(directory: Path, jobs: Sequence[Job]) -> None:
    """Write CSV files, a plot and a page into the directory of a sweep; print its tables.

    Args:
        directory: The sweep's directory.
        jobs: All of its jobs.
    """
    console, keys = Console(), varied_keys(jobs)
    _write(directory / "jobs.csv", job_frame(jobs))
    console.print(_job_table(jobs).narrow())
    if done := [job for job in jobs if job.status == "done"]:
        _write(directory / "summary.csv", _summary(done, keys))
        x_key = max(keys, key=lambda key: len({job.settings.get(key) for job in done}), default="")
        if figure := draw_scores(done, keys, x_key):
            with replacing(directory / "sweep.png") as partial:
                save(figure, partial, dpi=110)
        write_runs_page(directory / PAGE, jobs)
        console.print(_summary_table(done, keys).narrow())
        if objectives := sorted({job.objective for job in done if OBJECTIVE in job.metrics}):
            only = "; only values of the same name can be compared" * (len(objectives) > 1)
            text = f"objective: {', '.join(objectives)} (label-free; lower is better{only})"
            console.print(text)
    print(f"Sweep directory: {directory.absolute()}")
    if (directory / PAGE).exists():
        print(f"Its page: {(directory / PAGE).absolute()}")


def _write(path: Path, frame: pd.DataFrame) -> None:
    with replacing(path) as partial:
        frame.to_csv(partial, index=False)


def _summary(done: Sequence[Job], keys: Sequence[str]) -> pd.DataFrame:
    """Return mean and sd over seeds of every metric."""
    frame = job_frame(done).fillna(dict.fromkeys(keys, ""))
    metrics = [name for name in frame if any(name in job.metrics for job in done)]
    values = frame.melt([*keys], metrics, var_name="metric").dropna(subset="value")
    by_metric = values.groupby([*keys, "metric"], sort=False)["value"]
    return by_metric.agg(seeds="count", mean="mean", sd="std").reset_index()


def _job_table(jobs: Sequence[Job]) -> RunTable:
    swept = swept_keys(jobs)
    heads = ["job", *short_names(swept).values(), "status", "seconds", "remarks"]
    rows = []
    for job in jobs:
        seconds = f"{job.metrics['time/total']:.0f}" if job.metrics else ""
        values = [job.settings.get(key, "") for key in swept]
        rows.append([job.directory.name, *values, job.status, seconds, job.remarks()])
    return RunTable("Jobs", heads, len(heads), rows)


def _summary_table(done: Sequence[Job], keys: Sequence[str]) -> RunTable:
    widths = [max(len(job.settings.get(key, "")) for job in done) for key in keys]
    groups: dict[tuple[str, ...], list[Job]] = {}
    for job in done:
        values = [job.settings.get(key, "") for key in keys]
        settings = [" ".join(map(str.ljust, values, widths))] if keys else []
        for name in job.clusterings or [""]:
            groups.setdefault((*settings, name), []).append(job)
    rows = []
    for texts, group in groups.items():
        prefix = f"{texts[-1]}/{group[0].shown_split(texts[-1])}"
        cells = [
            mean_and_sd([job.metrics[m] for job in group if m in job.metrics], plus_minus="\n±")
            for m in (OBJECTIVE, *(f"{prefix}/{score}" for score in SCORES))
        ]
        rows.append([*texts, str(len(group)), *cells])
    swept = ["\n".join(short_names(keys).values())] if keys else []  # all keys in one narrow column
    heads = [*swept, "clusterer", "seeds", OBJECTIVE, *SCORES]
    title = "Scores on the held-out split (test, or all): mean, ± sd over seeds"
    return RunTable(title, heads, len(swept) + 1, rows)
