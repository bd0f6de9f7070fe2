"""Images by cluster."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure


def draw_members(
    members: Sequence[np.ndarray], names: Sequence[str], *, n_columns: int, title: str
) -> Figure:
    """Draws one row of images per cluster.

    Args:
        members: For each cluster an array of shape (n, H, W), 0 to 255; at most `n_columns`.
        names: For each cluster what stands beside its row.
        n_columns: Width of the grid in images.
        title: What the figure shows.
    """
    height, width = members[0].shape[1:]
    grid = np.zeros((len(members) * height, n_columns * width), np.uint8)
    for row, images in enumerate(members):
        for column, image in enumerate(images):
            top, left = row * height, column * width
            grid[top : top + height, left : left + width] = image
    figure = Figure(
        figsize=(2.4 + 0.45 * n_columns, 0.7 + 0.45 * len(members) * height / width),
        layout="constrained",
    )
    axes = figure.subplots()
    axes.imshow(grid, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([(row + 0.5) * height - 0.5 for row in range(len(members))], names)
    axes.tick_params(length=0)
    axes.set_title(title)
    return figure
