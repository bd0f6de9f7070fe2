"""Losses against epochs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_losses(losses: Mapping[str, Sequence[float]], loss_name: str) -> Figure:
    """Draw losses against epochs (the paper, section 5.2).

    Args:
        losses: Name, such as `loss/train`, to the value of each epoch from the first on; NaN for
            an epoch without it.
        loss_name: Label of the axis.
    """
    figure = Figure(figsize=(5.3, 3.4))
    axes = figure.add_axes((0, 0, 1, 1))  # bbox_inches="tight" includes labels outside
    for name, values in losses.items():
        axes.plot(range(1, len(values) + 1), values, label=name, marker="." * (len(values) < 60))
    axes.set(xlabel="epoch", ylabel=loss_name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
