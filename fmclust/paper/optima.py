"""The local optima of k-means as tables."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fmclust.clustering import Start
from fmclust.metrics import confusion_of, score
from fmclust.paper.numbers import ACCURACIES, PIXELS_CONFUSION, PIXELS_SSE
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
        spread = [min(inertias), statistics.median(inertias), max(inertias)]
        cells = [f"{len(of_way)} {way}", *(f"{value:,.0f}" for value in spread)]
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


def rows_of(
    found: Sequence[Sequence[Start]], classes: np.ndarray | None, n_clusters: int
) -> list[dict[str, Any]]:
    """Returns a row for every start: its optimum, its SSE and, with labels, its accuracy."""
    rows = []
    for number, starts in enumerate(found, 1):
        for start in starts:
            row = {"optimum": number, "way": start.way, "seed": start.seed, "sse": start.inertia}
            row |= {"n_iter": start.n_iter, "accuracy": None}
            if classes is not None:
                sizes = {"n_clusters": n_clusters, "n_classes": int(classes.max()) + 1}
                row["accuracy"] = score(start.clusters, classes, **sizes)["accuracy"]
            rows.append(row)
    return rows


def compared_with_the_paper(found: Sequence[Sequence[Start]], classes: np.ndarray) -> str:
    """Says which optimum is nearest to the paper's, and how near."""

    def matched(start: Start) -> np.ndarray:
        return confusion_of(start.clusters, classes, n_clusters=10, n_classes=10).matched

    def distance(start: Start) -> float:
        return np.abs(matched(start) - np.array(PIXELS_CONFUSION)).sum()

    groups = enumerate(found, 1)
    number, alike = min(groups, key=lambda group: abs(group[1][0].inertia - PIXELS_SSE))
    nearest = min(alike, key=distance)  # starts of one optimum still differ by some images
    ours = matched(nearest)
    apart = np.abs(ours - np.array(PIXELS_CONFUSION))
    accuracy, paper = np.trace(ours) / ours.sum(), ACCURACIES["pixels", "kmeans", "all"]
    return (
        f"The paper's: SSE {PIXELS_SSE:,.1f}, accuracy {paper:.5f}. Nearest: optimum {number} "
        f"({nearest.way}, seed {nearest.seed}), SSE {nearest.inertia:,.1f} "
        f"({nearest.inertia / PIXELS_SSE - 1:+.1e}), accuracy {accuracy:.5f}; of its matched "
        f"confusion matrix a cell differs by {apart.max()} of 70,000 images at most, by "
        f"{apart.mean():.1f} in the mean."
    )
