"""One run as tables for people."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from fmclust.metrics import SCORES
from fmclust.reports.paper import paper_accuracies
from fmclust.runs import read_config, read_metrics, read_status

BROKEN = {
    "clusterer": "cluster-\ner",
    "accuracy": "accu-\nracy",
    "objective": "objec-\ntive",
    "homogeneity": "homo-\ngeneity",
    "completeness": "comple-\nteness",
    "paper's accuracy": "paper's\naccuracy",
}
OWN_FIGURES = ("inertia", "log_likelihood", "bic", "aic", "converged", "empty_clusters")
PAGE = "report.html"
SEPARATION = ("silhouette", "davies_bouldin", "calinski_harabasz")


def print_run(directory: Path) -> None:
    """Prints a finished run: its label-free figures, its scores, and where it is.

    Args:
        directory: The run directory.
    """
    console = Console()
    config, metrics = read_config(directory), read_metrics(directory)
    status = read_status(directory) or {}
    console.print(_label_free("Label-free figures on the fitted split", OWN_FIGURES, metrics))
    if any(name.endswith(SEPARATION) for name in metrics):
        title = "How well clusters stand apart on the fitted split (5,000 latents at most)"
        console.print(_label_free(title, SEPARATION, metrics))
    if scored := scored_splits(metrics):
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
    if (directory / PAGE).exists():
        print(f"Run directory: {directory}\nIts page: {directory / PAGE}")
    else:
        run = shlex.quote(str(directory.parent.parent))
        print(f"Clustering: {directory}\nFor the page: python -m fmclust.report runs={run}")


def scored_splits(metrics: Mapping[str, float]) -> list[tuple[str, str]]:
    """Returns which clusterer has scores of which split, in the order of metrics.json."""
    names = (name.split("/") for name in metrics if name.count("/") == 2)
    return list(dict.fromkeys((clusterer, split) for clusterer, split, _ in names))


def _label_free(title: str, figures: Sequence[str], metrics: Mapping[str, float]) -> Table:
    clusterers = [name.split("/")[0] for name in metrics if name.endswith("/empty_clusters")]
    known = [f for f in figures if any(f"{name}/{f}" in metrics for name in clusterers)]
    table = narrow_table(title, ["clusterer", *known], right=known)
    for name in clusterers:
        values = (metrics.get(f"{name}/{figure}") for figure in known)
        table.add_row(name, *map(figure_text, known, values))
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


def figure_text(name: str, value: float | None) -> str:
    """Returns a label-free figure as a person reads it."""
    return number_text(value) if name != "converged" or value is None else ("no", "yes")[int(value)]


def number_text(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) >= 0.1 else f"{value:.4g}"
