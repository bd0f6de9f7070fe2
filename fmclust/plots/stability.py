"""Agreement of clusterings of halves against the number of clusters."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_agreement(rows: Sequence[Mapping[str, float]], chosen: int) -> Figure:
    """Draw the agreement against k, with bars of one standard deviation over pairs of halves.

    Args:
        rows: For each number of clusters, `k`, `agreement` and `sd`.
        chosen: The number of clusters to mark.
    """
    figure = Figure(figsize=(5.3, 3.4), layout="constrained")
    axes = figure.add_subplot()
    numbers, means, deviations = ([row[name] for row in rows] for name in ("k", "agreement", "sd"))
    axes.errorbar(numbers, means, deviations, fmt="o-", ms=4, elinewidth=0.8)
    axes.axvline(chosen, color="C3", ls="--", label=f"estimate: {chosen}")
    axes.set(xlabel="k (number of clusters)", ylabel="agreement of halves (ARI)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
