"""Confusion matrices as heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure


def draw_confusion(
    counts: np.ndarray, class_names: Sequence[str], *, title: str, cluster_names: Sequence[str]
) -> Figure:
    """Draws counts per (class, cluster); a cell's shade is its share of its class.

    Args:
        counts: int array of shape (n_classes, n_columns).
        class_names: A name for every row.
        title: What the figure shows, the split included.
        cluster_names: A name for every column.
    """
    n_classes, n_columns = counts.shape
    figure = Figure(figsize=(0.5 * n_columns, 0.42 * n_classes))
    axes = figure.add_axes((0, 0, 1, 1))  # names are outside, for bbox_inches="tight" to bring in
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(n_columns), cluster_names, rotation=45, ha="right")
    axes.set_yticks(range(n_classes), class_names)
    axes.set(title=title, xlabel="cluster", ylabel="class")
    if counts.size <= 900:  # beyond this the numbers can't be read
        for (row, column), count in np.ndenumerate(counts):
            ink = "white" if shares[row, column] > 0.55 else "black"
            cell = axes.text(column, row, count, ha="center", va="center", fontsize=8, color=ink)
            cell.set_in_layout(False)  # inside the axes: measuring each takes longer than drawing
    return figure
