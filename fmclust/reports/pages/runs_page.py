"""One page over many runs: a table to sort, scores against what was swept, links."""

import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from fmclust.reports.jobs import Group, Job, filled_in, group_by_settings, short, swept_keys, told
from fmclust.reports.pages.charts import Line, line_chart
from fmclust.reports.pages.templates import TEMPLATES
from fmclust.reports.tables import PAGE, number_text
from fmclust.runs import write_text

SCORES = ("accuracy", "nmi", "ari")  # of the split that is shown
FIGURES = ("silhouette",)  # label-free, of the fitted split
OF_RUN = {"loss/val": "loss/val", "time/total": "seconds"}


@dataclass(frozen=True)
class _Link:
    text: str
    link: str


def write_runs_page(path: Path, jobs: Sequence[Job]) -> None:
    """Writes a page over runs.

    Args:
        path: The page; links from it are relative to its folder.
        jobs: The runs; those that are not done, or have warnings, are named with them.
    """
    done = [job for job in filled_in(jobs) if job.status == "done"]
    swept, groups = swept_keys(done), group_by_settings(done)
    texts = 2 + len(swept)
    splits = {group.shown_split(name) for group in groups for name in group.clusterers()} - {""}
    text = TEMPLATES.get_template("runs.html").render(
        title=f"{len(done)} runs",
        subtitle=f"different: {', '.join(swept)}" if swept else "nothing differs in what was typed",
        heads=["run", *map(short, swept), "clusterer", *SCORES, *FIGURES, *OF_RUN.values()],
        texts=texts,
        rows=[row for job in done for row in _rows(path.parent, job, swept)],
        splits=" and ".join(sorted(splits)) or "no split: there are no labels",
        remarks=[
            f"{job.directory}: {job.status}, {job.remarks()}"
            for job in jobs
            if job.status != "done" or job.warnings
        ],
        swept=[(key, _charts(groups, key)) for key in swept if key != "seed"],
        seeds=_range([len(group.jobs) for group in groups if group.jobs]),
    )
    write_text(path, text)


def _rows(folder: Path, job: Job, swept: Sequence[str]) -> Iterator[list[object]]:
    page = job.directory / PAGE
    # With a point: a folder may be named as a scheme is.
    link = f"./{quote(os.path.relpath(page, folder))}" if page.exists() else ""
    group = Group({}, [job])
    for name in job.clusterers():
        split = group.shown_split(name)
        names = [f"{name}/{split}/{score}" for score in SCORES]
        names += [f"{name}/{figure}" for figure in FIGURES]
        numbers = [number_text(job.metrics.get(n)) for n in (*names, *OF_RUN)]
        settings = [job.settings[key] for key in swept]
        yield [_Link(job.directory.name, link), *settings, name, *numbers]


def _range(counts: Sequence[int]) -> str:
    least, most = min(counts, default=0), max(counts, default=0)
    return f"{most}" if least == most else f"{least} to {most}"


def _charts(groups: Sequence[Group], key: str) -> list[Markup]:
    """Draws every score against one setting; the other settings make lines of their own."""
    values = sorted({group.settings[key] for group in groups}, key=_by_number)
    return [
        line_chart(lines, x_label=key, y_label=label, x_names=values)
        for label in (*SCORES, *FIGURES, "loss/val")
        if (lines := _lines(groups, key, values, label))
    ]


def _by_number(text: str) -> tuple[bool, float, str]:
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _lines(groups: Sequence[Group], key: str, values: Sequence[str], label: str) -> list[Line]:
    found: dict[str, list[tuple[float, float, float | None]]] = {}
    for group in groups:
        others = told(group.settings, but=key)
        for clusterer in group.clusterers() if label != "loss/val" else [""]:
            metric = label
            if label in SCORES:
                metric = f"{clusterer}/{group.shown_split(clusterer)}/{label}"
            elif label in FIGURES:
                metric = f"{clusterer}/{label}"
            if numbers := group.values(metric):
                sd = statistics.stdev(numbers) if len(numbers) > 1 else None
                point = (float(values.index(group.settings[key])), statistics.fmean(numbers), sd)
                found.setdefault(f"{clusterer} {others}".strip() or "all", []).append(point)
    return [Line(name, points) for name, points in found.items()]
