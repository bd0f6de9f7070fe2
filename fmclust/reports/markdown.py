"""Tables and numbers as Markdown."""

import statistics
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table; the first column is text, the others are numbers."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def mean_and_sd(values: Sequence[float], plus_minus: str = " ± ") -> str:
    """Format a mean and, for several values, the sample standard deviation."""
    if not values:
        return ""
    mean = statistics.fmean(values)
    digits = 4 if abs(mean) < 1000 else 0
    if len(values) == 1:
        return f"{mean:,.{digits}f}"
    return f"{mean:,.{digits}f}{plus_minus}{statistics.stdev(values):,.{digits}f}"
