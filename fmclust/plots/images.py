"""Small images side by side, all in one axes: an axes for each would take most of a small run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WHITE = 255


def draw_rows(
    rows: Sequence[np.ndarray], names: Sequence[str], *, title: str, inches: float
) -> Figure:
    """Draws rows of images with a name beside each row; shorter rows end in black.

    Args:
        rows: uint8 arrays of shape (n, H, W), n their own.
        names: A name for every row.
        title: What the figure shows.
        inches: Width of an image.
    """
    height, width = rows[0].shape[1:]
    n_columns = max(1, *map(len, rows))
    canvas = np.zeros((len(rows), height, n_columns, width), np.uint8)
    for place, images in zip(canvas, rows, strict=True):
        place[:, : len(images)] = np.moveaxis(images, 0, 1)
    figure, axes = _show(canvas.reshape(len(rows) * height, -1), inches / width, title)
    axes.set_yticks([(row + 0.5) * height - 0.5 for row in range(len(rows))], names)
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
    n_rows, n_columns = -(-n // n_columns), min(n, n_columns)
    gap, room = width // 8, (height // 3 if names else height // 8)
    canvas = np.full((n_rows * (height + room), n_columns * (width + gap)), WHITE, np.uint8)
    corners = [
        (index // n_columns * (height + room), index % n_columns * (width + gap))
        for index in range(n)
    ]
    for (top, left), image in zip(corners, images, strict=True):
        canvas[top : top + height, left : left + width] = image
    figure, axes = _show(canvas, 0.95 / (width + gap), title)
    axes.axis("off")
    for (top, left), name in zip(corners, names, strict=False):
        axes.text(left + width / 2, top + height, name, fontsize=8, ha="center", va="top")
    return figure


def _show(canvas: np.ndarray, inches: float, title: str) -> tuple[Figure, Axes]:
    """Shows gray pixels of so many inches in an axes that fills its figure.

    What stands around the axes is outside the figure, for `bbox_inches="tight"` to bring in.
    """
    height, width = canvas.shape
    figure = Figure(figsize=(width * inches, height * inches))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(title)
    return figure, axes
