"""Small charts as SVG that follows a page's colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from fmclust.reports.pages.templates import TEMPLATES

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
COLOURS = 8  # classes c0, c1, ... of the style sheet


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: For the legend.
        points: x, y and, where it is known, the standard deviation of y.
    """

    name: str
    points: Sequence[tuple[float, float, float | None]]


def line_chart(
    lines: Sequence[Line], *, x_label: str, y_label: str, x_names: Sequence[str] = ()
) -> Markup:
    """Draws lines, with bars of one standard deviation where there is one.

    Args:
        lines: With at least one point between them.
        x_label: Name of the abscissa.
        y_label: Name of the ordinate.
        x_names: What stands at x = 0, 1, ...; none for a numeric abscissa.

    Returns:
        A `figure` element: SVG and a legend.
    """
    xs = [x for line in lines for x, _, _ in line.points]
    ys = [y + side * (sd or 0) for line in lines for _, y, sd in line.points for side in (-1, 1)]
    x_ticks = [(float(x), name) for x, name in enumerate(x_names)]
    if not x_names:
        inside = (x for x in _ticks(min(xs), max(xs), integer=True) if min(xs) <= x <= max(xs))
        x_ticks = [(x, f"{x:g}") for x in inside]
    y_ticks = _ticks(min(ys), max(ys))
    x_of = _scale(min(xs), max(xs), LEFT + 8, WIDTH - RIGHT - 8)
    y_of = _scale(min(*ys, y_ticks[0]), max(*ys, y_ticks[-1]), HEIGHT - BOTTOM, TOP)
    drawn = []
    for number, line in enumerate(lines):
        points = [(x_of(x), y_of(y), y_of(y - (sd or 0)), y_of(y + (sd or 0)), x, y, sd)
                  for x, y, sd in sorted(line.points)]  # fmt: skip
        drawn.append({"name": line.name, "colour": number % COLOURS, "points": points})
    return Markup(
        TEMPLATES.get_template("chart.html").render(
            lines=drawn,
            x_ticks=[(x_of(x), name) for x, name in x_ticks],
            y_ticks=[(y_of(y), f"{y:.4g}") for y in y_ticks],
            x_label=x_label,
            y_label=y_label,
            box=(LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM),
        )
    )


def _ticks(least: float, most: float, *, integer: bool = False) -> list[float]:
    return [float(tick) for tick in MaxNLocator(5, integer=integer).tick_values(least, most)]


def _scale(least: float, most: float, start: float, end: float) -> Callable[[float], float]:
    span = (most - least) or 1.0
    return lambda value: round(start + (value - least) / span * (end - start), 1)
