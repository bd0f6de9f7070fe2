"""A sweep's jobs as tables, CSVs and a plot: every score against what was swept."""

import csv
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fmclust.metrics import SCORES
from fmclust.plots import Series, draw_sweep
from fmclust.reports.jobs import (
    SPLITS,
    Group,
    Job,
    group_by_settings,
    short,
    swept_keys,
    told,
    typed_keys,
)
from fmclust.reports.markdown import mean_and_sd
from fmclust.reports.pages import write_runs_page
from fmclust.reports.tables import PAGE, narrow_table
from fmclust.runs import replacing


def report_sweep(directory: Path, jobs: Sequence[Job]) -> None:
    """Writes CSVs, a plot and a page into a sweep's directory; prints its tables.

    Args:
        directory: The sweep's directory.
        jobs: All of its jobs.
    """
    console = Console()
    groups = group_by_settings(jobs)
    _write_jobs(directory / "jobs.csv", jobs)
    console.print(_job_table(jobs))
    if any(group.jobs for group in groups):
        _write_summary(directory / "summary.csv", groups)
        with replacing(directory / "sweep.png") as partial:
            draw_sweep(_series(groups), (*SCORES, "objective")).savefig(partial, dpi=110)
        write_runs_page(directory / PAGE, jobs)
        console.print(_summary_table(groups))
        names = sorted({job.objective_name for group in groups for job in group.jobs})
        touched = any(name.endswith(SCORES) for name in names)
        console.print(
            f"objective: {', '.join(names)} ({'from labels' if touched else 'label-free'})"
        )
    print(f"Sweep directory: {directory.absolute()}")
    if (directory / PAGE).exists():
        print(f"Its page: {(directory / PAGE).absolute()}")


def _stacked(values: Sequence[float]) -> str:
    return mean_and_sd(values, between="\n±")


def _job_table(jobs: Sequence[Job]) -> Table:
    swept = swept_keys(jobs)
    table = narrow_table("Jobs", ["job", *map(short, swept), "status", "seconds", "remarks"])
    for job in jobs:
        seconds = f"{job.metrics['time/total']:.0f}" if job.metrics else ""
        values = [job.settings.get(key, "") for key in swept]
        cells = (job.directory.name, *values, job.status, seconds, job.remarks())
        table.add_row(*map(Text, cells))  # Text: brackets are no markup here
    return table


def _summary_table(groups: Sequence[Group]) -> Table:
    title = "Scores on the held-out split (test, or all): mean, ± sd over seeds"
    keys = list(groups[0].settings)
    widths = [max(len(group.settings[key]) for group in groups) for key in keys]
    swept = ["\n".join(map(short, keys))] if keys else []  # many keys in one narrow column
    numbers = ["seeds", "objective", *SCORES]
    table = narrow_table(title, [*swept, "clusterer", *numbers], right=numbers)
    for group in groups:
        values = (group.settings[key].ljust(width) for key, width in zip(keys, widths, strict=True))
        settings = [" ".join(values)] if keys else []
        for clusterer in group.clusterers():
            split = group.shown_split(clusterer)
            scores = [_stacked(group.values(f"{clusterer}/{split}/{s}")) for s in SCORES]
            n_seeds = len(group.values(f"{clusterer}/empty_clusters"))
            objective = _stacked(group.values("objective"))
            cells = (*settings, clusterer, str(n_seeds), objective, *scores)
            table.add_row(*map(Text, cells))
    return table


def _metric_names(jobs: Sequence[Job]) -> list[str]:
    """Returns the names of all numbers, those that tell how long it took last."""
    names = dict.fromkeys(name for job in jobs for name in job.metrics)
    return sorted(names, key=lambda name: name.startswith("time/"))


def _write_jobs(path: Path, jobs: Sequence[Job]) -> None:
    keys = typed_keys(jobs)
    metrics = _metric_names(jobs)
    with replacing(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["job", "status", "remarks", *keys, *metrics])
        for job in jobs:
            settings = [job.settings.get(key, "") for key in keys]
            numbers = [job.metrics.get(name, "") for name in metrics]
            table.writerow([job.directory.name, job.status, job.remarks(), *settings, *numbers])


def _write_summary(path: Path, groups: Sequence[Group]) -> None:
    metrics = _metric_names([job for group in groups for job in group.jobs])
    with replacing(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*groups[0].settings, "metric", "seeds", "mean", "sd"])
        for group in groups:
            for name in metrics:
                if values := group.values(name):
                    sd = statistics.stdev(values) if len(values) > 1 else ""
                    numbers = [len(values), statistics.fmean(values), sd]
                    table.writerow([*group.settings.values(), name, *numbers])


def _series(groups: Sequence[Group]) -> list[Series]:
    """Lines for the plot: the swept key with the most values is the abscissa."""
    keys = list(groups[0].settings)
    x_key = max(keys, key=lambda key: len({g.settings[key] for g in groups}), default="")
    lines: dict[tuple[str, str, str], Series] = {}
    for group in groups:
        others = told(group.settings, but=x_key)
        for panel, clusterer, split, metric in _plotted(group):
            values = group.values(metric)
            if values:
                name = " ".join(part for part in (clusterer, others) if part)
                line = lines.setdefault((panel, name, split), Series(panel, name, split, x_key))
                sd = statistics.stdev(values) if len(values) > 1 else math.nan
                line.add(group.settings.get(x_key, ""), statistics.fmean(values), sd, len(values))
    return list(lines.values())


def _plotted(group: Group) -> list[tuple[str, str, str, str]]:
    """What is drawn of a group: panel, clusterer, split and the metric's name."""
    clusterers = group.clusterers()
    scores = [
        (score, clusterer, split, f"{clusterer}/{split}/{score}")
        for score in SCORES
        for clusterer in clusterers
        for split in SPLITS
    ]
    return [*scores, ("objective", clusterers[0] if len(clusterers) == 1 else "", "", "objective")]
