"""A figure for the run directory and the loggers alike."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from fmclust.runs import Run, replacing

DPI = 120


class Display:
    """Shows results besides the run directory: here nowhere, in `training/` in the loggers."""

    def scalars(self, values: Mapping[str, float]) -> None:
        """Show numbers by name."""

    def figure(self, tag: str, png: bytes) -> None:
        """Show a figure."""

    def latents(
        self, latents: np.ndarray, images: Tensor, columns: Mapping[str, Sequence[str]]
    ) -> None:
        """Show latents (N, d) with their uint8 images (N, 1, H, W) and columns of N texts."""


def publish(run: Run, display: Display, tag: str, draw: Callable[[], Figure | None]) -> None:
    """Save a figure below `figures/` and display it; one that can't be drawn is a warning.

    Args:
        run: Whose directory it is saved in; nothing is drawn where it wants no figures.
        display: Where else it is shown.
        tag: The figure's name, such as `gmm/test/confusion_raw`; the file has `_` for `/`.
        draw: Makes the figure; None where there is nothing to show.
    """
    if not run.wants_figures:
        return
    png = None
    with run.attempt(f"the figure {tag} is missing"), run.timed("figures"):
        png = _png(draw())
    if png is None:
        return
    name = tag.replace("/", "_")
    with replacing(run.directory / "figures" / f"{name}.png") as partial:
        partial.write_bytes(png)
    with run.attempt(f"the figure {tag} is not shown by every logger"):
        display.figure(tag, png)


def _png(figure: Figure | None) -> bytes | None:
    if figure is None:
        return None
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png", bbox_inches="tight")
    return buffer.getvalue()
