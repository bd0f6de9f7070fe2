"""Statistics against the number of clusters: the elbow method."""

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
    """Draw every statistic against k, each in its own panel (the paper, sections 1.1 and 5.1).

    Args:
        rows: For each number of clusters, its statistics by name, and `k`.
        title: Title of the figure.
        knee: Number of clusters at the knee of the first panel's curve, or None.
        paper: Numbers of clusters that the paper chooses by its curve.
    """
    shown = [name for name in TITLES if any(name in row for row in rows)]
    figure = Figure(figsize=(4.2 * len(shown), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(shown), squeeze=False).flat, shown, strict=True):
        points = [(row["k"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), "o-", ms=4)
        axes.set(xlabel="k (number of clusters)", title=TITLES[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    first = figure.axes[0]
    for k in paper:
        label = "read off in the paper" if k == paper[0] else None
        first.axvline(k, color="C7", ls=":", label=label)
    if knee is not None:
        first.axvline(knee, color="C3", ls="--", label=f"knee by kneed: {knee}")
    if paper or knee is not None:
        first.legend()
    figure.suptitle(title)
    return figure
