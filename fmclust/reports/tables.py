"""The tables of one run, for the terminal and for its page."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fmclust import runs
from fmclust.metrics import SCORES
from fmclust.paper.numbers import paper_accuracies

BROKEN = {  # headings that break, so that a table fits 80 columns
    "clusterer": "cluster-\ner",
    "accuracy": "accu-\nracy",
    "objective": "objec-\ntive",
    "homogeneity": "homo-\ngeneity",
    "completeness": "comple-\nteness",
    "paper's accuracy": "paper's\naccuracy",
}
LABEL_FREE = {
    "Label-free statistics on the fitted split": "inertia log_likelihood bic aic converged "
    "empty_clusters",
    "How well clusters stand apart on the fitted split (5,000 latents at most)": "silhouette "
    "davies_bouldin calinski_harabasz",
}
PAGE = "report.html"


@dataclass(frozen=True)
class RunTable:
    """A table as text.

    Attributes:
        caption: What it shows.
        heads: Names of the columns.
        n_texts: How many columns, the first ones, hold text; the others hold numbers.
        rows: The cells.
    """

    caption: str
    heads: Sequence[str]
    n_texts: int
    rows: Sequence[Sequence[str]]

    def narrow(self) -> Table:
        """Return it for a terminal of 80 columns: headings break, numbers are never cut."""
        table = Table(
            title=self.caption, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0)
        )
        for column, name in enumerate(self.heads):
            is_number = column >= self.n_texts
            table.add_column(
                BROKEN.get(name, name.replace("_", "\n")),
                justify="right" if is_number else "left",
                no_wrap=is_number,
                overflow="fold",
            )
        for cells in self.rows:
            table.add_row(*map(Text, cells))  # Text: brackets are no markup here
        return table


def print_run(directory: Path) -> None:
    """Print a finished run: its label-free statistics, its scores, and where it is.

    Args:
        directory: The run directory, or that of a later clustering.
    """
    console, status = Console(), runs.read_status(directory) or {}
    names = runs.read_clusterings(directory)
    for table in run_tables(runs.read_config(directory), dict.fromkeys(names, directory)):
        console.print(table.narrow())
    print(f"Images: {sizes_text(status['images'])}")
    for warning in status["warnings"]:
        print(f"Warning: {warning}")
    if directory.parent.name == runs.CLUSTERINGS:
        run = shlex.quote(f"runs={directory.parent.parent}")
        print(f"Clustering: {directory}\nFor the page: python -m fmclust.report {run}")
        return
    print(f"Run directory: {directory}")
    if not names:
        run = shlex.quote(f"run={directory}")
        print(f"To cluster its latents: python -m fmclust.cluster {run} cluster=gmm")
    if (directory / PAGE).exists():
        print(f"Its page: {directory / PAGE}")


def run_tables(config: DictConfig, folders: Mapping[str, Path]) -> list[RunTable]:
    """Return the tables of label-free statistics, and of scores where there are labels.

    Args:
        config: The run's.
        folders: Name of each clustering to the folder that it lies in.
    """
    metrics: dict[str, float] = {}
    for folder in dict.fromkeys(folders.values()):
        metrics |= runs.read_metrics(folder)
    tables = []
    for caption, statistics in LABEL_FREE.items():
        known = [s for s in statistics.split() if any(f"{name}/{s}" in metrics for name in folders)]
        rows = [
            [name, *(statistic_text(s, metrics.get(f"{name}/{s}")) for s in known)]
            for name in folders
        ]
        if known:
            tables.append(RunTable(caption, ["clusterer", *known], 1, rows))
    scored = _scored_splits(
        {name: runs.read_clusterings(folder)[name] for name, folder in folders.items()}
    )
    if scored:
        paper = paper_accuracies(config)
        heads = ["clusterer", "split", *SCORES, *(["paper's accuracy"] if paper else [])]
        rows = []
        for name, split in scored:
            values = [metrics.get(f"{name}/{split}/{score}") for score in SCORES]
            values += [paper.get(f"{name}/{split}/accuracy")] if paper else []
            rows.append([name, split, *map(number_text, values)])
        tables.append(RunTable(f"Scores of 1 run (seed {config.seed})", heads, 2, rows))
    return tables


def _scored_splits(clusterings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return which clusterer has scores of which split: split by split, as in metrics.json."""
    splits = dict.fromkeys(split for made in clusterings.values() for split in made["matchings"])
    return [
        (name, split)
        for split in splits
        for name, made in clusterings.items()
        if split in made["matchings"]
    ]


def sizes_text(sizes: Mapping[str, int]) -> str:
    """Return how many images each split has."""
    return ", ".join(f"{split} {n:,}" for split, n in sizes.items())


def statistic_text(name: str, value: float | None) -> str:
    """Return a label-free statistic as a person reads it."""
    return number_text(value) if name != "converged" or value is None else ("no", "yes")[int(value)]


def number_text(value: float | None) -> str:
    """Return a number with four digits, or thousands separated; empty for None."""
    if value is None:
        return ""
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) >= 0.1 else f"{value:.4g}"
