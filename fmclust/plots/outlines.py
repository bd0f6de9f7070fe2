"""Latents in planes, with an ellipse around each cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

MAX_OUTLINES = 50  # more of them would hide each other
INK = 5000  # area of all points of a panel, in square points
POINT_SIZES = (2, 16)  # area of a point, at least and at most, in square points


@dataclass(frozen=True)
class Plane:
    """The content of one panel.

    Attributes:
        title: Title of the panel.
        axes: Names of its two axes.
        points: float array of shape (N, 2).
        clusters: int64 array of shape (N,), the cluster ids of the points.
        centres: float array of shape (k, 2).
        outlines: float array of shape (k, 2, 2): the matrix M of each ellipse x' M^-1 x = 1
            around its centre.
    """

    title: str
    axes: tuple[str, str]
    points: NDArray[np.floating]
    clusters: NDArray[np.int64]
    centres: NDArray[np.floating]
    outlines: NDArray[np.floating]


def spans_plane(latents: NDArray[np.floating]) -> bool:
    """Return whether latents of shape (N, d) can be drawn: at least two, not all equal, d >= 2."""
    return min(latents.shape) >= 2 and bool(latents.var(axis=0).any())


def draw_outlines(rows: Sequence[Sequence[Plane]], *, title: str) -> Figure:
    """Draw planes in rows: points and ellipses coloured by cluster, ids at the centres.

    More than `MAX_OUTLINES` clusters are drawn as points only.

    Args:
        rows: The panels of each row.
        title: Title of the figure.
    """
    n_rows, n_columns = len(rows), max(map(len, rows))
    figure = Figure(figsize=(4 * n_columns, 3.9 * n_rows))
    places = {"left": 0, "bottom": 0, "right": 1, "wspace": 0.25, "hspace": 0.3}
    grid = figure.subplots(n_rows, n_columns, squeeze=False, gridspec_kw=places)
    for panels, planes in zip(grid, rows, strict=True):
        for axes, plane in zip(panels, planes, strict=False):
            _draw_plane(axes, plane)
        for spare in panels[len(planes) :]:
            spare.set_axis_off()
    figure.suptitle(title)
    return figure


def _draw_plane(axes: Axes, plane: Plane) -> None:
    k = len(plane.centres)
    colours = colormaps["tab10"](np.arange(k)) if k <= 10 else colormaps["hsv"](np.arange(k) / k)
    shades = colours[plane.clusters]
    x, y = plane.points.T
    size = np.clip(INK / max(1, len(x)), *POINT_SIZES)
    axes.scatter(x, y, s=size, c=shades, alpha=0.5, linewidths=0, rasterized=True)
    outlines = zip(plane.centres, plane.outlines, strict=True) if k <= MAX_OUTLINES else ()
    for cluster, (centre, outline) in enumerate(outlines):
        lengths, directions = np.linalg.eigh(outline)
        angle = np.degrees(np.arctan2(*directions[::-1, 1]))
        width, height = 2 * np.sqrt(lengths[::-1])
        edge = {"fill": False, "ec": colours[cluster], "lw": 1.5}
        axes.add_patch(Ellipse(centre, width, height, angle=angle, **edge))
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": colours[cluster], "lw": 0.8}
        label = axes.annotate(str(cluster), centre, ha="center", va="center", fontsize=8, bbox=box)
        label.set_in_layout(False)
    axes.set(title=plane.title, xlabel=plane.axes[0], ylabel=plane.axes[1])
    axes.set_aspect("equal", adjustable="datalim")
    axes.tick_params(labelsize=7)
