"""Scores against what a sweep swept."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLES = {"test": "-", "all": "-", "val": ":", "train": "--", "": "-"}
N_COLUMNS = 3
KEY, CHARACTER = 0.7, 0.09  # inches of a legend's entry
MAX_TICKS = 8  # beyond this they stand in each other's way


def draw_sweep(points: pd.DataFrame, x_name: str) -> Figure:
    """Draw means against the swept value, with bars of one standard deviation over seeds.

    Args:
        points: A row for each point. Columns: `panel`, the score; `line`, what it is of, a
            colour each; `split`, a line style each; `x`, the swept value as text; `mean`; `std`,
            NaN for one seed; `count`, the number of seeds.
        x_name: What was swept.
    """
    panels, names = points.panel.unique(), list(points.line.unique())
    n_columns = min(len(panels), N_COLUMNS)
    n_rows = -(-len(panels) // N_COLUMNS)
    figure = Figure(figsize=(4.2 * n_columns, 3.2 * n_rows), layout="constrained")
    grid = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        of_panel = points[points.panel == panel]
        for (name, split), line in of_panel.groupby(["line", "split"], sort=False):
            _draw_line(axes, line, colour=f"C{names.index(name)}", style=STYLES[str(split)])
        axes.set(title=panel, xlabel=x_name)
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    splits = [split for split in points.split.unique() if split]
    keys = [Line2D([], [], color=f"C{n}", label=name or "all jobs") for n, name in enumerate(names)]
    keys += [Line2D([], [], color="gray", ls=STYLES[split], label=split) for split in splits]
    longest = max(len(name) for name in (*names, *splits))
    ncols = max(1, int(figure.get_figwidth() / (KEY + CHARACTER * longest)))
    figure.legend(handles=keys, loc="outside lower center", ncols=ncols)
    least, most = int(points["count"].min()), int(points["count"].max())
    seeds = f"{most} seed{'s' * (most > 1)}" if least == most else f"{least} to {most} seeds"
    figure.suptitle(f"mean ± sd over {seeds}")
    return figure


def _draw_line(axes: Axes, line: pd.DataFrame, colour: str, style: str) -> None:
    numbers = pd.to_numeric(line.x, errors="coerce")
    x = line.x if numbers.isna().any() else numbers
    if x is numbers:
        order = numbers.argsort()
        line, x = line.iloc[order], numbers.iloc[order]
        if len(x) <= MAX_TICKS:
            axes.set_xticks(x, line.x)
    axes.plot(x, line["mean"], style + "o", color=colour, ms=4)
    if style == "-" and line["std"].notna().any():  # bars of all splits would hide one another
        axes.errorbar(x, line["mean"], line["std"], fmt="none", ecolor=colour, capsize=3)
