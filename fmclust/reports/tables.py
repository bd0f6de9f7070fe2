"""Scores as a table for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

SCORES = ("accuracy", "nmi", "ari", "homogeneity", "completeness")
OWN_FIGURES = ("inertia", "log_likelihood", "bic", "aic", "empty_clusters")


def print_scores(metrics: Mapping[str, float], *, seed: int) -> None:
    """Prints one run: a row per clusterer with its own figures, then one per split with scores.

    Args:
        metrics: As in metrics.json; names such as `gmm/bic` and `gmm/test/accuracy`.
        seed: The run's seed.
    """
    console = Console()
    clusterers = [name.split("/")[0] for name in metrics if name.endswith("/empty_clusters")]
    known = [f for f in OWN_FIGURES if any(f"{name}/{f}" in metrics for name in clusterers)]
    own = _table("Label-free figures on the fitted split", ["clusterer"], known)
    for name in clusterers:
        own.add_row(name, *(_number(metrics.get(f"{name}/{figure}")) for figure in known))
    console.print(own)
    # In the order of metrics.json, which is that of the splits and clusterers.
    scored = dict.fromkeys(tuple(name.split("/")[:2]) for name in metrics if name.count("/") == 2)
    if scored:
        table = _table(f"Scores of one run (1 seed: {seed})", ["clusterer", "split"], SCORES)
        for clusterer, split in scored:
            values = (metrics.get(f"{clusterer}/{split}/{score}") for score in SCORES)
            table.add_row(clusterer, split, *map(_number, values))
        console.print(table)


def _table(title: str, left: list[str], right: tuple[str, ...] | list[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name.replace("_", " "), justify="right")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) < 1000 and value != int(value) else f"{value:,.0f}"
