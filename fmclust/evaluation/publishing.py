"""Save a figure in the run directory and show it in the loggers."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fmclust.runs import Run, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120


class Display:
    """Show results outside the run directory; this base class shows nothing."""

    def scalars(self, values: Mapping[str, float]) -> None:
        """Show numbers by name."""

    def figure(self, tag: str, png: bytes) -> None:
        """Show a figure."""

    def latents(
        self, latents: NDArray[np.float32], images: Tensor, columns: Mapping[str, Sequence[str]]
    ) -> None:
        """Show latents (N, d) with their uint8 images (N, C, H, W) and columns of N texts."""


def publish(run: Run, display: Display, tag: str, draw: "Callable[[], Figure | None]") -> None:
    """Save a figure in `figures/` and show it; if that fails, the run gets a warning.

    Args:
        run: The run; nothing is drawn if its `wants_figures` is false.
        display: Where else to show the figure.
        tag: Name of the figure, such as `gmm/test/confusion_raw`; in the name of the file, `_`
            replaces `/`.
        draw: Returns the figure, or None if there is nothing to show.
    """
    if not run.wants_figures:
        return
    from fmclust.plots import save  # imports matplotlib

    buffer = io.BytesIO()
    with run.attempt(f"the figure {tag} is missing"), run.timed("figures"):
        if (figure := draw()) is not None:
            save(figure, buffer, dpi=DPI, format="png", bbox_inches="tight")
    if not (png := buffer.getvalue()):
        return
    with replacing(run.directory / "figures" / f"{tag.replace('/', '_')}.png") as partial:
        partial.write_bytes(png)
    with run.attempt(f"the figure {tag} is not shown by every logger"):
        display.figure(tag, png)
