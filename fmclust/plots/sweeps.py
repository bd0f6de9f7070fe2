"""Scores against the value that a sweep varies."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLES = {"test": "-", "all": "-", "val": ":", "train": "--", "latents": "-.", "": "-"}
N_COLUMNS = 3
LEGEND_KEY, CHARACTER = 0.7, 0.09  # widths in a legend, inches
LEGEND_ROW = 0.25  # height, inches
MAX_TICKS = 8  # more labels would overlap
MAX_HORIZONTAL = 8  # characters of a label that is not rotated


def draw_sweep(points: pd.DataFrame, x_name: str) -> Figure:
    """Draw means against the varied value, with bars of one standard deviation over seeds.

    Args:
        points: One row per point. Columns: `panel`, name of the score; `line`, which determines
            the colour; `split`, which determines the line style; `x`, the varied value as text;
            `mean`; `std`, NaN for one seed; `count`, the number of seeds.
        x_name: Name of the varied setting.
    """
    panels, names = points.panel.unique(), list(points.line.unique())
    n_columns = min(len(panels), N_COLUMNS)
    n_rows = -(-len(panels) // N_COLUMNS)
    splits = [split for split in points.split.unique() if split]
    longest = max(len(name) for name in (*names, *splits))
    width = 4.2 * n_columns
    ncols = max(1, int(width / (LEGEND_KEY + CHARACTER * longest)))
    legend = LEGEND_ROW * -(-(len(names) + len(splits)) // ncols)
    n_characters = points.x.str.len().max()
    is_rotated = n_characters > MAX_HORIZONTAL
    height = 3.2 + is_rotated * CHARACTER * n_characters
    figure = Figure(figsize=(width, height * n_rows + legend), layout="constrained")
    grid = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        of_panel = points[points.panel == panel]
        for (name, split), line in of_panel.groupby(["line", "split"], sort=False):
            _draw_line(axes, line, colour=f"C{names.index(name)}", style=STYLES[str(split)])
        axes.set(title=panel, xlabel=x_name)
        axes.tick_params(axis="x", labelrotation=90 if is_rotated else 0)
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    keys = [Line2D([], [], color=f"C{n}", label=name or "all jobs") for n, name in enumerate(names)]
    keys += [Line2D([], [], color="gray", ls=STYLES[split], label=split) for split in splits]
    figure.legend(handles=keys, loc="outside lower center", ncols=ncols)
    lowest, highest = int(points["count"].min()), int(points["count"].max())
    seeds = f"{highest}" if lowest == highest else f"{lowest} to {highest}"
    figure.suptitle(f"mean ± sd over {seeds} seed{'s' * (highest > 1)}")
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
    if style == "-" and line["std"].notna().any():  # bars of every split would overlap
        axes.errorbar(x, line["mean"], line["std"], fmt="none", ecolor=colour, capsize=3)
