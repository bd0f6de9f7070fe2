"""Figures against the number of clusters: the elbow method."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

TITLES = {
    "inertia": "inertia (SSE)",
    "bic": "BIC",
    "aic": "AIC",
    "score": "score",
    "silhouette": "silhouette (of a sample)",
}


def draw_elbow(
    rows: Sequence[Mapping[str, float]],
    *,
    title: str,
    knee: int | None = None,
    paper: Sequence[int] = (),
) -> Figure:
    """Draws every figure in a panel of its own against k (the paper, sections 1.1 and 5.1).

    Args:
        rows: For each number of clusters its figures, with `k`.
        title: What was clustered by what.
        knee: What kneed finds on the first panel's curve, if anything.
        paper: Numbers that the paper reads off its curve.
    """
    shown = [name for name in TITLES if any(name in row for row in rows)]
    figure = Figure(figsize=(4.2 * len(shown), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False).flat, shown, strict=True):
        points = [(row["k"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), "o-", ms=4)
        axes.set(xlabel="k (number of clusters)", title=TITLES[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if name != shown[0]:
            continue
        for k in paper:
            axes.axvline(k, color="C7", ls=":", label="read off in the paper")
        if knee is not None:
            axes.axvline(knee, color="C3", ls="--", label=f"knee by kneed: {knee}")
        lines = {line.get_label(): line for line in axes.get_lines()}
        lines = {label: line for label, line in lines.items() if not str(label).startswith("_")}
        if lines:
            axes.legend(lines.values(), lines)
    figure.suptitle(title)
    return figure
