"""Small images side by side."""

import numpy as np
from matplotlib.figure import Figure


def draw_reconstructions(
    originals: np.ndarray, reconstructions: np.ndarray, *, title: str
) -> Figure:
    """Draws originals in the upper row, what the network makes of them below.

    Args:
        originals: Array of shape (N, H, W), 0..1.
        reconstructions: Array of the same shape.
        title: What the figure shows.
    """
    n, height, width = originals.shape
    figure = Figure(figsize=(1 + 0.7 * n, 2.1), layout="constrained")
    axes = figure.subplots()
    rows = [np.concatenate(list(images), axis=1) for images in (originals, reconstructions)]
    axes.imshow(np.concatenate(rows), cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([height / 2, 3 * height / 2], ["original", "reconstruction"])
    axes.tick_params(length=0)
    axes.set_title(title)
    return figure
