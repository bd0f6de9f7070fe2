"""The tables of one run, for the terminal and for its page."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from fmclust import runs
from fmclust.metrics import MAX_NAMES, SCORES
from fmclust.paper.numbers import paper_accuracies
from fmclust.reports.jobs import SPLITS, read_scores
from fmclust.reports.remarks import remarks_of

WRAPPED = {  # headings with line breaks, so that a table fits 80 columns
    "objective": "objec-\ntive",
    "homogeneity": "homo-\ngeneity",
    "completeness": "comple-\nteness",
    "paper's accuracy": "paper's\naccuracy",
}
LABEL_FREE = {
    "Label-free statistics on the fitted split": "inertia log_likelihood bic aic converged "
    "empty_clusters",
    "Separation of the clusters on the fitted split (at most 5,000 latents)": "silhouette "
    "davies_bouldin calinski_harabasz",
}
PAGE = "report.html"


@dataclass(frozen=True)
class RunTable:
    """A table of text.

    Attributes:
        caption: The title of the table.
        heads: Names of the columns.
        n_texts: Number of columns that hold text; they come first, the others hold numbers.
        rows: The cells.
    """

    caption: str
    heads: Sequence[str]
    n_texts: int
    rows: Sequence[Sequence[str]]

    def narrow(self) -> Table:
        """Format it for a terminal of 80 columns: headings are wrapped, numbers never truncated."""
        table = Table(
            title=self.caption, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0)
        )
        for column, name in enumerate(self.heads):
            heading, is_number = WRAPPED.get(name, name.replace("_", "\n")), column >= self.n_texts
            justify: JustifyMethod = "right" if is_number else "left"
            table.add_column(heading, justify=justify, no_wrap=is_number, overflow="fold")
        for cells in self.rows:
            table.add_row(*map(Text, cells))  # Text: brackets are not markup
        return table


def print_run(directory: Path) -> None:
    """Print a finished run: its label-free statistics, its scores, and its directory.

    Args:
        directory: The run directory, or that of a later clustering.
    """
    console, status = Console(), runs.read_status(directory) or {}
    for table in run_tables(directory):
        console.print(table.narrow())
    print(f"Images: {images_text(status)}")
    if (fitted := status.get(runs.LATENTS)) is not None:
        print(f"Fitted to {fitted['n']:,} latents of {fitted['path']}")
    for remark in remarks_of(directory, status):
        print(remark)
    for warning in status["warnings"]:
        print(f"Warning: {warning}")
    if directory.parent.name == runs.CLUSTERINGS:
        run = shlex.quote(f"runs={directory.parent.parent}")
        print(f"Clustering: {directory}\nFor the page: python -m fmclust.report {run}")
        return
    print(f"Run directory: {directory}")
    if not runs.read_clusterings(directory):
        run = shlex.quote(f"run={directory}")
        print(f"To cluster its latents: python -m fmclust.cluster {run} cluster=gmm")
    if (directory / PAGE).exists():
        print(f"Its page: {directory / PAGE}")


def run_tables(directory: Path) -> list[RunTable]:
    """Return the tables of label-free statistics, and of scores where there are labels.

    Args:
        directory: The run directory, or that of a later clustering.
    """
    config, (metrics, clusterings) = runs.read_config(directory), read_scores(directory)
    tables = []
    for caption, names in LABEL_FREE.items():
        known = [n for n in names.split() if any(f"{made}/{n}" in metrics for made in clusterings)]
        if known:
            rows = [
                [made, *(statistic_text(n, metrics.get(f"{made}/{n}")) for n in known)]
                for made in clusterings
            ]
            tables.append(RunTable(caption, ["clusterer", *known], 1, rows))
    if any(clusterings.values()):
        caption, paper = f"Scores of 1 run (seed {config.seed})", paper_accuracies(config)
        heads = ["clusterer", "split", *SCORES, *(["paper's accuracy"] if paper else [])]
        rows = []
        for split in dict.fromkeys(chain(*clusterings.values())):
            for name in (made for made, splits in clusterings.items() if split in splits):
                values = [metrics.get(f"{name}/{split}/{score}") for score in SCORES]
                values += [paper.get(f"{name}/{split}/accuracy")] if paper else []
                rows.append([name, split, *map(score_text, values)])
        tables.append(RunTable(caption, heads, 2, rows))
    return tables + _confusions(directory, clusterings)


def _confusions(directory: Path, clusterings: Mapping[str, Sequence[str]]) -> list[RunTable]:
    """Return a table of the largest confusions, where the matrix is too large to be shown."""
    status, folders = runs.read_status(directory) or {}, runs.clustered_in(directory)
    names, rows = status.get("class_names") or [], []
    for made, splits in clusterings.items():
        summary = runs.read_clusterings(folders[made])[made]
        split = next((split for split in SPLITS if split in splits), "")
        if max(len(names), summary["n_clusters"]) > MAX_NAMES:
            confused = summary.get("confused", {}).get(split, [])
            rows += [[made, split, names[i], names[j], f"{n:,}"] for i, j, n in confused]
    heads = ["clusterer", "split", "class", "class of the cluster", "images"]
    caption = f"The largest confusions of {len(names):,} classes"
    return [RunTable(caption, heads, 4, rows)] if rows else []


def sizes_text(sizes: Mapping[str, int]) -> str:
    """Return the number of images of each split as text."""
    return ", ".join(f"{split} {n:,}" for split, n in sizes.items())


def images_text(status: Mapping[str, Any]) -> str:
    """Return the numbers of images and of unreadable files, by the status of a run, as text."""
    n_unreadable = status.get("unreadable", 0)
    unread = f"; {n_unreadable:,} not readable, see {runs.UNREADABLE}" if n_unreadable else ""
    return sizes_text(status["images"]) + unread


def statistic_text(name: str, value: float | None) -> str:
    """Return a label-free statistic as text; `converged` is yes or no."""
    return number_text(value) if name != "converged" or value is None else ("no", "yes")[int(value)]


def score_text(value: float | None) -> str:
    """Return a score with four decimals; empty for None."""
    return "" if value is None else f"{value:.4f}"


def number_text(value: float | None) -> str:
    """Return a number with four digits, or with separated thousands; empty for None."""
    if value is None:
        return ""
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) >= 0.1 else f"{value:.4g}"
