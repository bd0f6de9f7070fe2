"""A page that compares runs: a table that can be sorted, and scores against swept settings."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from fmclust.reports.agreement import agreement_table
from fmclust.reports.jobs import (
    Job,
    filled_in,
    short_names,
    swept_keys,
    varied_keys,
    without_repeats,
)
from fmclust.reports.pages.svg import embedded
from fmclust.reports.pages.templates import TEMPLATES
from fmclust.reports.scores import draw_scores
from fmclust.reports.tables import PAGE, number_text, score_text
from fmclust.runs import write_text

SCORES = ("accuracy", "nmi", "ari")  # of the split that is shown
NUMBERS = (*SCORES, "silhouette", "loss/val", "seconds")


def write_runs_page(path: Path, jobs: Sequence[Job]) -> None:
    """Write a page that compares runs.

    Args:
        path: The page; links from it are relative to its folder.
        jobs: The runs; for those that are not done or have warnings, the page says why.
    """
    done = [job for job in filled_in(jobs) if job.status == "done"]
    swept, keys, counted = swept_keys(done), varied_keys(done), without_repeats(done)
    base = os.path.commonpath([job.directory.parent for job in done]) if done else ""
    splits = {job.shown_split(name) for job in done for name in job.clusterings} - {""}
    text = TEMPLATES.get_template("runs.html").render(
        title=f"{len(done)} run{'s' * (len(done) != 1)}",
        subtitle=f"different: {', '.join(swept)}" if swept else "the overrides are all the same",
        heads=["run", *short_names(swept).values(), "clusterer", *NUMBERS],
        texts=2 + len(swept),
        rows=[row for job in done for row in _rows(path.parent, base, job, swept)],
        splits=" and ".join(sorted(splits)) or "no split: there are no labels",
        remarks=[
            f"{job.directory}: {job.status}, {job.remarks()}"
            for job in jobs
            if job.status != "done" or job.warnings
        ],
        agreement=agreement_table(counted, keys),
        charts=[
            (key, embedded(figure, f"scores against {key}"))
            for key in keys
            if (figure := draw_scores(counted, keys, key))
        ],
    )
    write_text(path, text)


def _rows(
    folder: Path, base: str, job: Job, swept: Sequence[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the run's path from `base`, the link to its page (or "") and other cells."""
    page = job.directory / PAGE
    # The link starts with "./", since the name of a folder may look like a URL scheme.
    link = f"./{quote(os.path.relpath(page, folder))}" if page.exists() else ""
    run = os.path.relpath(job.directory, base)
    for name in job.clusterings or [""]:
        scores = [f"{name}/{job.shown_split(name)}/{score}" for score in SCORES]
        numbers = [
            score_text(job.metrics.get(metric)) for metric in (*scores, f"{name}/silhouette")
        ]
        numbers += [number_text(job.metrics.get("loss/val")), f"{job.metrics['time/total']:.0f}"]
        yield run, link, [*(job.settings[key] for key in swept), name, *numbers]
