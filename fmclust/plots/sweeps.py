"""Scores against what a sweep swept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLES = {"test": "-", "all": "-", "val": ":", "train": "--", "": "-"}
N_COLUMNS = 3
KEY, CHARACTER = 0.7, 0.09  # inches of a legend's entry
MOST_TICKS = 8  # beyond this they stand in each other's way


@dataclass
class Series:
    """One line of a plot.

    Attributes:
        panel: The score that is drawn, a panel each.
        name: What the line is of; a colour each.
        split: The split that is scored; a line style each.
        x_name: What was swept.
        points: Swept value as text, mean, standard deviation (NaN for one seed), seeds.
    """

    panel: str
    name: str
    split: str
    x_name: str
    points: list[tuple[str, float, float, int]] = field(default_factory=list)

    def add(self, x: str, mean: float, sd: float, n_seeds: int) -> None:
        self.points.append((x, mean, sd, n_seeds))


def draw_sweep(series: Sequence[Series], panels: Sequence[str]) -> Figure:
    """Draws means against the swept value, with bars of one standard deviation over seeds.

    Args:
        series: The lines.
        panels: Order of the panels; those that no line is in are left out.
    """
    shown = [panel for panel in panels if any(line.panel == panel for line in series)]
    n_rows = -(-len(shown) // N_COLUMNS)
    figure = Figure(figsize=(4.2 * min(len(shown), N_COLUMNS), 3.2 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, min(len(shown), N_COLUMNS), squeeze=False).flat
    names = list(dict.fromkeys(line.name for line in series))
    for axes, panel in zip(grid, shown, strict=False):
        for line in (line for line in series if line.panel == panel):
            _draw_line(axes, line, colour=f"C{names.index(line.name)}")
        axes.set(title=panel, xlabel=series[0].x_name)
        axes.grid(alpha=0.3)
    for axes in list(grid)[len(shown) :]:
        axes.set_visible(False)
    splits = list(dict.fromkeys(line.split for line in series if line.split))
    keys = [Line2D([], [], color=f"C{n}", label=name or "all jobs") for n, name in enumerate(names)]
    keys += [Line2D([], [], color="gray", ls=STYLES[split], label=split) for split in splits]
    longest = max(len(name) for name in (*names, *splits))
    ncols = max(1, int(figure.get_figwidth() / (KEY + CHARACTER * longest)))
    figure.legend(handles=keys, loc="outside lower center", ncols=ncols)
    seeds = sorted({n for line in series for *_, n in line.points})
    counts = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    figure.suptitle(f"mean ± sd over {counts} seed{'s' * (seeds[-1] > 1)}")
    return figure


def _draw_line(axes: Axes, line: Series, colour: str) -> None:
    points = line.points
    x: list[float] | list[str] = [text for text, *_ in points]
    numbers = [number for text, *_ in points if (number := _number(text)) is not None]
    if len(numbers) == len(points):
        points = [point for _, point in sorted(zip(numbers, points, strict=True))]
        x = sorted(numbers)
        if len(x) <= MOST_TICKS:
            axes.set_xticks(x, [text for text, *_ in points])
    means = [mean for _, mean, _, _ in points]
    axes.plot(x, means, STYLES[line.split] + "o", color=colour, ms=4)
    has_sd = not all(math.isnan(sd) for *_, sd, _ in points)
    if has_sd and STYLES[line.split] == "-":  # bars of all splits would hide one another
        axes.errorbar(x, means, [sd for *_, sd, _ in points], fmt="none", ecolor=colour, capsize=3)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
