"""One run as tables for people."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from fmclust.metrics import SCORES
from fmclust.paper.numbers import paper_accuracies
from fmclust.runs import (
    CLUSTERINGS,
    read_clusterings,
    read_config,
    read_metrics,
    read_status,
)

BROKEN = {
    "clusterer": "cluster-\ner",
    "accuracy": "accu-\nracy",
    "objective": "objec-\ntive",
    "homogeneity": "homo-\ngeneity",
    "completeness": "comple-\nteness",
    "paper's accuracy": "paper's\naccuracy",
}
OWN_STATISTICS = ("inertia", "log_likelihood", "bic", "aic", "converged", "empty_clusters")
PAGE = "report.html"
SEPARATION = ("silhouette", "davies_bouldin", "calinski_harabasz")


def print_run(directory: Path) -> None:
    """Print a finished run: its label-free statistics, its scores, and where it is.

    Args:
        directory: The run directory, or that of a later clustering.
    """
    console = Console()
    config, metrics = read_config(directory), read_metrics(directory)
    status, clusterings = read_status(directory) or {}, read_clusterings(directory)
    names = list(clusterings)
    if names:
        title = "Label-free statistics on the fitted split"
        console.print(_label_free(title, OWN_STATISTICS, names, metrics))
    if any(f"{name}/{statistic}" in metrics for name in names for statistic in SEPARATION):
        title = "How well clusters stand apart on the fitted split (5,000 latents at most)"
        console.print(_label_free(title, SEPARATION, names, metrics))
    if scored := scored_splits(clusterings):
        paper = paper_accuracies(config)
        numbers = [*SCORES, *(["paper's accuracy"] if paper else [])]
        title = f"Scores of 1 run (seed {config.seed})"
        table = narrow_table(title, ["clusterer", "split", *numbers], right=numbers)
        for clusterer, split in scored:
            values = [metrics.get(f"{clusterer}/{split}/{score}") for score in SCORES]
            values += [paper.get(f"{clusterer}/{split}/accuracy")] if paper else []
            table.add_row(clusterer, split, *map(number_text, values))
        console.print(table)
    print(f"Images: {sizes_text(status['images'])}")
    for warning in status["warnings"]:
        print(f"Warning: {warning}")
    _print_places(directory, names)


def _print_places(directory: Path, names: Sequence[str]) -> None:
    if directory.parent.name == CLUSTERINGS:
        run = shlex.quote(f"runs={directory.parent.parent}")
        print(f"Clustering: {directory}\nFor the page: python -m fmclust.report {run}")
        return
    print(f"Run directory: {directory}")
    if not names:
        run = shlex.quote(f"run={directory}")
        print(f"To cluster its latents: python -m fmclust.cluster {run} cluster=gmm")
    if (directory / PAGE).exists():
        print(f"Its page: {directory / PAGE}")


def scored_splits(clusterings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return which clusterer has scores of which split: split by split, as in metrics.json.

    Args:
        clusterings: As clusterings.json has them.
    """
    splits = dict.fromkeys(split for made in clusterings.values() for split in made["matchings"])
    return [
        (name, split)
        for split in splits
        for name, made in clusterings.items()
        if split in made["matchings"]
    ]


def _label_free(
    title: str, statistics: Sequence[str], clusterers: Sequence[str], metrics: Mapping[str, float]
) -> Table:
    known = [f for f in statistics if any(f"{name}/{f}" in metrics for name in clusterers)]
    table = narrow_table(title, ["clusterer", *known], right=known)
    for name in clusterers:
        values = (metrics.get(f"{name}/{statistic}") for statistic in known)
        table.add_row(name, *map(statistic_text, known, values))
    return table


def narrow_table(title: str, columns: Sequence[str], *, right: Sequence[str] = ()) -> Table:
    """Makes a table whose headings break so that it fits 80 columns.

    Args:
        title: What it shows.
        columns: Names of all columns.
        right: Those whose cells are numbers.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in columns:
        heading = BROKEN.get(name, name.replace("_", "\n"))
        is_number = name in right  # which is never cut short
        justify: JustifyMethod = "right" if is_number else "left"
        table.add_column(heading, justify=justify, no_wrap=is_number, overflow="fold")
    return table


def sizes_text(sizes: Mapping[str, int]) -> str:
    """Returns how many images each split has."""
    return ", ".join(f"{split} {n:,}" for split, n in sizes.items())


def statistic_text(name: str, value: float | None) -> str:
    """Returns a label-free statistic as a person reads it."""
    return number_text(value) if name != "converged" or value is None else ("no", "yes")[int(value)]


def number_text(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) >= 0.1 else f"{value:.4g}"
