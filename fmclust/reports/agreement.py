"""How far the clusterings of several runs agree, without labels."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from fmclust import runs
from fmclust.reports.jobs import SPLITS, Job, short_names
from fmclust.reports.markdown import mean_and_sd
from fmclust.reports.tables import RunTable

CAPTION = (
    "Agreement between seeds: adjusted Rand index of pairs of runs (1: equal clusters, 0: as by "
    "chance; no labels)"
)


def agreement_table(done: Sequence[Job], keys: Sequence[str]) -> RunTable | None:
    """Return a row for each clusterer and group of runs that differ in the seed alone, or None.

    Args:
        done: Finished jobs.
        keys: The settings that distinguish groups of jobs, without the seed.
    """
    groups: dict[tuple[str, ...], list[Job]] = {}
    for job in done:
        for name in job.clusterings:
            settings = [job.settings.get(key, "") for key in keys]
            groups.setdefault((*settings, name), []).append(job)
    rows = []
    for texts, jobs in groups.items():
        for split, clusters in _same_images(jobs, texts[-1]):
            indices = [float(adjusted_rand_score(*pair)) for pair in combinations(clusters, 2)]
            numbers = [str(len(clusters)), mean_and_sd(indices), f"{min(indices):.4f}"]
            rows.append([*texts, split, *numbers])
    heads = [*short_names(keys).values(), "clusterer", "split", "runs", "agreement", "lowest"]
    return RunTable(CAPTION, heads, len(keys) + 2, rows) if rows else None


def _same_images(jobs: Sequence[Job], name: str) -> Iterator[tuple[str, list[NDArray[np.int64]]]]:
    """Yield a split and the cluster ids of the runs, for two or more runs on the same images."""
    if len(jobs) < 2:
        return
    of_images: dict[tuple[str, object], list[NDArray[np.int64]]] = {}
    for job in jobs:
        status = runs.read_status(job.directory) or {}
        clusters = runs.read_assignments(runs.clustered_in(job.directory)[name], name)
        split = next(split for split in SPLITS if split in clusters)
        of_images.setdefault((split, status["sums"].get(split)), []).append(clusters[split])
    for (split, _), found in of_images.items():
        if len(found) > 1:
            yield split, found
