"""clusterings.json: what later commands ask of the clusterings of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.clustering import Clustering
from fmclust.evaluation.scoring import Scored
from fmclust.runs import CLUSTERINGS_FILE, write_json


def write_summary(
    directory: Path,
    clusterings: Mapping[str, Clustering],
    scored: Mapping[tuple[str, str], Scored],
) -> None:
    """Write the names, sizes, matchings and statistics of all clusterings of a directory.

    Args:
        directory: The run directory, or that of a later clustering.
        clusterings: By name.
        scored: (clusterer, split) to its scores and matching; empty without labels.
    """
    summary = {name: _summary(name, made, scored) for name, made in clusterings.items()}
    write_json(directory / CLUSTERINGS_FILE, summary)


def _summary(
    name: str, clustering: Clustering, scored: Mapping[tuple[str, str], Scored]
) -> dict[str, Any]:
    matchings = {
        split: {str(cluster): cls for cluster, cls in sorted(found.confusion.matching.items())}
        for (clusterer, split), found in scored.items()
        if clusterer == name
    }
    return {
        "n_clusters": clustering.n_clusters,
        "sizes": {split: _sizes(ids) for split, ids in clustering.clusters.items()},
        "matchings": matchings,
        "statistics": {k: v for k, v in clustering.statistics.items() if np.isfinite(v)},
        "warnings": clustering.warnings,
    }


def _sizes(clusters: np.ndarray) -> dict[str, int]:
    """Return cluster id, -1 for noise, to its number of images; empty clusters are left out."""
    ids, counts = np.unique(clusters, return_counts=True)
    return dict(zip(map(str, ids.tolist()), counts.tolist(), strict=True))
