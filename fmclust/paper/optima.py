"""Tables of the local optima of k-means, and which of them is the paper's (section 5.1)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmclust.clustering import Start
from fmclust.metrics import confusion_of
from fmclust.paper.numbers import ACCURACIES, PIXELS_CONFUSION, PIXELS_SSE
from fmclust.reports.markdown import mean_and_sd, table
from fmclust.reports.tables import number_text


def starts_frame(
    found: Sequence[Sequence[Start]], classes: NDArray[np.int64] | None, n_clusters: int
) -> pd.DataFrame:
    """Return a row for every start: its optimum, its SSE and, with labels, its accuracy."""
    rows = [
        {"optimum": number, "way": start.way, "seed": start.seed, "sse": start.inertia}
        | {"n_iter": start.n_iter, "accuracy": _accuracy(start, classes, n_clusters)}
        for number, starts in enumerate(found, 1)
        for start in starts
    ]
    return pd.DataFrame(rows)


def _accuracy(start: Start, classes: NDArray[np.int64] | None, n_clusters: int) -> float:
    if classes is None:
        return np.nan
    sizes = {"n_clusters": n_clusters, "n_classes": int(classes.max()) + 1}
    return confusion_of(start.clusters, classes, **sizes).accuracy


def spread_over_starts(starts: pd.DataFrame) -> str:
    """Return a Markdown table of the SSE and the accuracy that each way to start reaches."""
    heads = ["starts", "lowest SSE", "median SSE", "highest SSE", "accuracy at the lowest SSE"]
    heads += ["accuracy: mean ± sd", "min", "max"]
    lines = []
    for way, rows in starts.groupby("way", sort=False):
        spread = (rows["sse"].min(), rows["sse"].median(), rows["sse"].max())
        cells = [f"{len(rows)} {way}", *map(number_text, spread)]
        accuracies = rows["accuracy"].dropna()
        if len(accuracies):
            best = f"{rows.sort_values('sse')['accuracy'].iloc[0]:.4f}"
            extremes = [f"{value:.4f}" for value in (accuracies.min(), accuracies.max())]
            cells += [best, mean_and_sd(accuracies.tolist()), *extremes]
        lines.append(cells + [""] * (len(heads) - len(cells)))
    return table(heads, lines)


def optima_by_frequency(starts: pd.DataFrame) -> str:
    """Return a Markdown table of the optima, with the number of times each way finds them."""
    ways = starts["way"].unique()
    heads = ["optimum", "SSE", "accuracy", *(f"{way} finds it" for way in ways)]
    lines = []
    for number, rows in starts.groupby("optimum"):
        best = rows.sort_values("sse")
        accuracies = [f"{value:.4f}" for value in best["accuracy"].dropna()] or [""]
        counts = [str((rows["way"] == way).sum()) for way in ways]
        lines.append([str(number), number_text(best["sse"].iloc[0]), accuracies[0], *counts])
    return table(heads, lines)


def compared_with_the_paper(found: Sequence[Sequence[Start]], classes: NDArray[np.int64]) -> str:
    """Return sentences that name the optimum nearest to the paper's and the differences."""
    groups = enumerate(found, 1)
    number, alike = min(groups, key=lambda group: abs(group[1][0].inertia - PIXELS_SSE))
    sizes = {"n_clusters": 10, "n_classes": 10}
    confusions = [confusion_of(start.clusters, classes, **sizes) for start in alike]
    differences = [np.abs(confusion.matched - PIXELS_CONFUSION) for confusion in confusions]
    # The starts of one optimum still differ by some images.
    best = min(range(len(alike)), key=lambda row: int(differences[row].sum()))
    nearest, ours, apart = alike[best], confusions[best], differences[best]
    paper = ACCURACIES["pixels", "kmeans", "all"]
    return (
        f"The paper's: SSE {PIXELS_SSE:,.1f}, accuracy {paper:.5f}. Nearest: optimum {number} "
        f"({nearest.way}, seed {nearest.seed}), SSE {nearest.inertia:,.1f} "
        f"({nearest.inertia / PIXELS_SSE - 1:+.1e}), accuracy {ours.accuracy:.5f}; the cells of "
        f"its matched confusion matrix differ from the paper's by at most {apart.max()} of 70,000 "
        f"images, by {apart.mean():.1f} on average."
    )
