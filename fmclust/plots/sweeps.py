"""Scores against the value that a sweep varies."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

STYLES = {"test": "-", "all": "-", "val": ":", "train": "--", "latents": "-.", "": "-"}
N_COLUMNS = 3
LEGEND_KEY, CHARACTER = 0.7, 0.09  # widths in a legend, inches
LEGEND_ROW = 0.25  # height, inches
MAX_TICKS = 8  # more labels would overlap
AXIS = 3.2  # width of a panel without its margins, inches
LARGE_RATIO = 30  # of the largest to the smallest value, above which the axis is logarithmic


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
    places = _places(points.x)
    is_text = _numbers(points.x).isna().any()
    is_log = not is_text and 0 < LARGE_RATIO * min(places.values()) < max(places.values())
    n_characters = points.x.str.len().max()
    is_named = is_text or len(places) <= MAX_TICKS
    gap = _gap([*places.values()], is_log=is_log)
    is_rotated = is_named and CHARACTER * (n_characters + 1) > gap
    height = 3.2 + is_rotated * CHARACTER * n_characters
    figure = Figure(figsize=(width, height * n_rows + legend), layout="constrained")
    grid = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        of_panel = points[points.panel == panel]
        for (name, split), line in of_panel.groupby(["line", "split"], sort=False):
            _draw_line(axes, line, places, f"C{names.index(name)}", STYLES[str(split)])
        axes.set_xscale("log" if is_log else "linear")
        if is_named:
            axes.set_xticks([*places.values()], [*places])
            axes.xaxis.set_minor_locator(NullLocator())
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


def _places(values: "pd.Series[str]") -> dict[str, float]:
    """Return each value to its place on the axis: the value if all are numbers, or its rank.

    Numbers have the first ranks, in ascending order.
    """
    texts = values.drop_duplicates()
    numbers = _numbers(texts).sort_values(kind="stable", na_position="last")
    if numbers.isna().any():
        return {text: float(rank) for rank, text in enumerate(texts[numbers.index])}
    return dict(zip(texts[numbers.index], numbers.astype(float), strict=True))


def _numbers(texts: "pd.Series[str]") -> "pd.Series[float]":
    """Return texts as numbers, NaN for those that are not finite ones."""
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _gap(places: Sequence[float], *, is_log: bool) -> float:
    """Return the least distance of two neighbours of ascending places on an axis, in inches."""
    scaled = np.log(places) if is_log else np.asarray(places)
    span = np.ptp(scaled)
    return float(AXIS * np.diff(scaled).min() / span) if span else AXIS


def _draw_line(
    axes: Axes, line: pd.DataFrame, places: Mapping[str, float], colour: str, style: str
) -> None:
    line = line.assign(place=line.x.map(places)).sort_values("place")
    axes.plot(line.place, line["mean"], style + "o", color=colour, ms=4)
    if style == "-" and line["std"].notna().any():  # bars of every split would overlap
        axes.errorbar(line.place, line["mean"], line["std"], fmt="none", ecolor=colour, capsize=3)
