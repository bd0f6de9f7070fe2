"""Confusion matrices as heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

MAX_CELLS = 900  # with more cells the numbers are too small to read


def draw_confusion(
    counts: NDArray[np.int64],
    class_names: Sequence[str],
    *,
    title: str,
    cluster_names: Sequence[str],
) -> Figure:
    """Draw counts per class and cluster; the shade of a cell is its share of the class.

    Args:
        counts: int array of shape (n_classes, n_columns).
        class_names: Name of every row.
        title: Title of the figure.
        cluster_names: Name of every column.
    """
    n_classes, n_columns = counts.shape
    figure = Figure(figsize=(0.5 * n_columns, 0.42 * n_classes))
    axes = figure.add_axes((0, 0, 1, 1))  # bbox_inches="tight" includes names outside
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(n_columns), cluster_names, rotation=45, ha="right")
    axes.set_yticks(range(n_classes), class_names)
    axes.set(title=title, xlabel="cluster", ylabel="class")
    if counts.size <= MAX_CELLS:
        for (row, column), count in np.ndenumerate(counts):
            ink = "white" if shares[row, column] > 0.55 else "black"
            cell = axes.text(
                column, row, str(count), ha="center", va="center", fontsize=8, color=ink
            )
            cell.set_in_layout(False)  # inside the axes: no need to measure it
    return figure
