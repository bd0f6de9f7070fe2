"""Scores as a table for people."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

SCORES = ("accuracy", "nmi", "ari", "homogeneity", "completeness")


def print_scores(metrics: Mapping[str, float], *, seed: int) -> None:
    """Prints the scores of one run, a row per clusterer and split.

    Args:
        metrics: As in metrics.json; names such as `gmm/test/accuracy`.
        seed: The run's seed.
    """
    rows = sorted({tuple(name.split("/")[:2]) for name in metrics if name.count("/") == 2})
    if not rows:
        return
    table = Table(title=f"Scores of one run (1 seed: {seed})", title_justify="left")
    table.add_column("clusterer")
    table.add_column("split")
    for name in SCORES:
        table.add_column(name, justify="right")
    for clusterer, split in rows:
        values = [f"{metrics[f'{clusterer}/{split}/{name}']:.4f}" for name in SCORES]
        table.add_row(clusterer, split, *values)
    Console().print(table)
