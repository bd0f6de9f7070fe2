"""Confusion matrices as heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fmclust.metrics import MAX_NAMES
from fmclust.plots.text import shortened

MAX_CELLS = 900  # with more cells the numbers are too small to read
LARGE = (7.0, 7.0)  # inches, of a matrix without names


def draw_confusion(
    counts: NDArray[np.int64],
    class_names: Sequence[str],
    *,
    title: str,
    cluster_names: Sequence[str],
) -> Figure:
    """Draw counts per class and cluster; the shade of a cell is its share of the class.

    A matrix of more than `MAX_NAMES` rows or columns has a fixed size, without names and counts.

    Args:
        counts: int array of shape (n_classes, n_columns).
        class_names: Name of every row.
        title: Title of the figure.
        cluster_names: Name of every column.
    """
    n_classes, n_columns = counts.shape
    has_names = max(counts.shape) <= MAX_NAMES
    figure = Figure(figsize=(0.5 * n_columns, 0.42 * n_classes) if has_names else LARGE)
    axes = figure.add_axes((0, 0, 1, 1))  # bbox_inches="tight" includes names outside
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if has_names:
        _name(axes, class_names, cluster_names)
        axes.set(title=title, xlabel="cluster", ylabel="class")
    else:
        labels = {"xlabel": f"{n_columns:,} clusters", "ylabel": f"{n_classes:,} classes"}
        axes.set(title=title, xticks=[], yticks=[], **labels)
    if has_names and counts.size <= MAX_CELLS:
        _number(axes, counts, shares)
    return figure


def _name(axes: Axes, class_names: Sequence[str], cluster_names: Sequence[str]) -> None:
    rows, columns = map(shortened, class_names), map(shortened, cluster_names)
    axes.set_xticks(range(len(cluster_names)), [*columns], rotation=45, ha="right")
    axes.set_yticks(range(len(class_names)), [*rows])


def _number(axes: Axes, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.55 else "black"
        cell = axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=ink)
        cell.set_in_layout(False)  # inside the axes: no need to measure it
