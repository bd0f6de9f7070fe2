"""Small images side by side, in one axes, since an axes for each image is slow to draw."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fmclust.plots.text import shortened

WHITE = 255
MAX_BELOW = 20  # characters of a name below an image


def draw_rows(
    rows: Sequence[NDArray[np.uint8]], names: Sequence[str], *, title: str, inches: float
) -> Figure:
    """Draw rows of images with a name beside each row; shorter rows are filled with black.

    Args:
        rows: uint8 arrays of shape (n, H, W) or (n, H, W, 3); n may differ.
        names: Name of every row.
        title: Title of the figure.
        inches: Width of an image in inches.
    """
    height, width, *channels = rows[0].shape[1:]
    n_columns = max(1, *map(len, rows))
    canvas = np.zeros((len(rows), height, n_columns, width, *channels), np.uint8)
    for row, images in zip(canvas, rows, strict=True):
        row[:, : len(images)] = np.moveaxis(images, 0, 1)
    canvas = canvas.reshape(len(rows) * height, -1, *channels)
    figure, axes = _show(canvas, inches / width, title)
    places = [(row + 0.5) * height - 0.5 for row in range(len(rows))]
    axes.set_yticks(places, [shortened(name) for name in names])
    return figure


def draw_named_images(
    images: NDArray[np.uint8], names: Sequence[str], *, n_columns: int, title: str
) -> Figure:
    """Draw rows of images with a name below each image.

    Args:
        images: uint8 array of shape (N, H, W) or (N, H, W, 3).
        names: Name of every image, or empty.
        n_columns: Number of images in a row.
        title: Title of the figure.
    """
    n, height, width, *channels = images.shape
    n_rows, n_columns = -(-n // n_columns), min(n, n_columns)
    gap, room = width // 8, (height // 3 if names else height // 8)
    size = (n_rows * (height + room), n_columns * (width + gap))
    canvas = np.full((*size, *channels), WHITE, np.uint8)
    places = (divmod(index, n_columns) for index in range(n))
    corners = [(row * (height + room), column * (width + gap)) for row, column in places]
    for (top, left), image in zip(corners, images, strict=True):
        canvas[top : top + height, left : left + width] = image
    figure, axes = _show(canvas, 0.95 / (width + gap), title)
    axes.axis("off")
    for (top, left), name in zip(corners, names, strict=False):
        place, text = (left + width / 2, top + height), shortened(name, MAX_BELOW)
        axes.text(*place, text, fontsize=8, ha="center", va="top")
    return figure


def _show(canvas: NDArray[np.uint8], inches: float, title: str) -> tuple[Figure, Axes]:
    """Show an image in an axes that fills the figure; `inches` is the size of a pixel.

    Labels are outside the figure; `bbox_inches="tight"` includes them when it is saved.
    """
    height, width = canvas.shape[:2]
    figure = Figure(figsize=(width * inches, height * inches))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(title)
    return figure, axes
