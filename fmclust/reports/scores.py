"""Scores of finished jobs, aggregated over seeds."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from fmclust.metrics import SCORES
from fmclust.plots import draw_sweep
from fmclust.reports.jobs import OBJECTIVE, Job, short_names


def score_frame(jobs: Sequence[Job], keys: Sequence[str]) -> pd.DataFrame:
    """Return mean, sd and number of seeds of every score, over jobs with the same settings.

    Args:
        jobs: Finished jobs.
        keys: The settings that distinguish groups of jobs.

    Returns:
        Columns: the keys, `clusterer`, `split`, `panel`, `mean`, `std` and `count`; the objective
        has an empty clusterer and split, and its own name as panel.
    """
    by = [*keys, "clusterer", "split", "panel"]
    rows = []
    for job in jobs:
        settings = [job.settings.get(key, "") for key in keys]
        for name, splits in job.clusterings.items():
            for score in SCORES:
                for split in splits:
                    value = job.metrics[f"{name}/{split}/{score}"]
                    rows.append([*settings, name, split, score, value])
        if OBJECTIVE in job.metrics:
            rows.append([*settings, "", "", job.objective, job.metrics[OBJECTIVE]])
    frame = pd.DataFrame(rows, columns=[*by, "value"])
    return frame.groupby(by, sort=False)["value"].agg(["mean", "std", "count"]).reset_index()


def draw_scores(done: Sequence[Job], keys: Sequence[str], x_key: str) -> Figure | None:
    """Draw every score and the objective against one of the swept keys; None without any.

    Args:
        done: Finished jobs.
        keys: The swept keys without the seed.
        x_key: The key on the x axis, or empty; the other keys are named in the legend.
    """
    points, names = score_frame(done, keys), short_names(keys)
    if points.empty:
        return None
    others = [key for key in keys if key != x_key]
    points["line"] = [
        " ".join(filter(None, [row["clusterer"], *(f"{names[k]}={row[k]}" for k in others)]))
        for row in points.to_dict("records")
    ]
    points["x"] = points[x_key] if x_key else ""
    return draw_sweep(points, x_key)
