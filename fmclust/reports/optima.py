"""The local optima of k-means as tables."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from fmclust.reports.markdown import mean_and_sd, table

Row = Mapping[str, Any]


def spread_over_starts(rows: Sequence[Row]) -> str:
    """Returns a Markdown table: for each way to start what it ends at, and what its best is."""
    heads = ["starts", "SSE: least", "median", "most", "accuracy of the least", "mean ± sd"]
    heads += ["min", "max"]
    lines = []
    for way in dict.fromkeys(row["way"] for row in rows):
        of_way = [row for row in rows if row["way"] == way]
        inertias = [row["sse"] for row in of_way]
        figures = [min(inertias), statistics.median(inertias), max(inertias)]
        cells = [f"{len(of_way)} {way}", *(f"{figure:,.0f}" for figure in figures)]
        accuracies = [row["accuracy"] for row in of_way if row["accuracy"] is not None]
        if accuracies:
            best = min(of_way, key=lambda row: row["sse"])["accuracy"]
            extremes = [f"{value:.4f}" for value in (min(accuracies), max(accuracies))]
            cells += [f"{best:.4f}", mean_and_sd(accuracies), *extremes]
        lines.append(cells + [""] * (len(heads) - len(cells)))
    return table(heads, lines)


def optima_by_frequency(rows: Sequence[Row]) -> str:
    """Returns a Markdown table: a line for every optimum, with how often each way finds it."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    heads = ["optimum", "SSE", "accuracy", *(f"{way} finds it" for way in ways)]
    lines = []
    for number in dict.fromkeys(row["optimum"] for row in rows):
        starts = [row for row in rows if row["optimum"] == number]
        best = min(starts, key=lambda row: row["sse"])
        accuracy = "" if best["accuracy"] is None else f"{best['accuracy']:.4f}"
        counts = [str(sum(row["way"] == way for row in starts)) for way in ways]
        lines.append([str(number), f"{best['sse']:,.0f}", accuracy, *counts])
    return table(heads, lines)
