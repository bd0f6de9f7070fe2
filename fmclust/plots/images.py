"""Small images side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw_reconstructions(
    originals: np.ndarray, reconstructions: Mapping[int, np.ndarray], *, title: str
) -> Figure:
    """Draws originals in the first row, what the network makes of them below (section 1.2).

    Args:
        originals: uint8 array of shape (N, H, W).
        reconstructions: Epoch to array of the same shape, a row each.
        title: What the figure shows.
    """
    rows = [originals, *reconstructions.values()]
    names = ["original", *(f"epoch {epoch}" for epoch in reconstructions)]
    n, height, width = originals.shape
    figure = Figure(figsize=(1 + 0.7 * n, 0.7 + 0.7 * len(rows) * height / width))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    _show_grid(axes, rows)
    axes.set_yticks([(row + 0.5) * height - 0.5 for row in range(len(rows))], names)
    axes.set_title(title)
    return figure


def draw_named_images(
    images: np.ndarray, names: Sequence[str], *, n_columns: int, title: str
) -> Figure:
    """Draws rows of images with a name below each.

    Args:
        images: uint8 array of shape (N, H, W).
        names: A name for every image; none at all where there are none.
        n_columns: Images in a row.
        title: What the figure shows.
    """
    n, height, width = images.shape
    n_rows = -(-n // n_columns)
    figure = Figure(figsize=(0.95 * n_columns, 0.5 + 1.15 * n_rows * height / width))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for index, axes in enumerate(grid.flat):
        axes.set_visible(index < n)
        if index >= n:
            continue
        _show_grid(axes, [images[index : index + 1]])
        if names:
            axes.set_xlabel(names[index], fontsize=8)
    figure.suptitle(title)
    return figure


def _show_grid(axes: Axes, rows: Sequence[np.ndarray]) -> None:
    axes.imshow(
        np.concatenate([np.concatenate(list(images), axis=1) for images in rows]),
        cmap="gray",
        vmin=0,
        vmax=255,
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(length=0)
