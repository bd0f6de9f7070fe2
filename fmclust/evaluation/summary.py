"""clusterings.json: names, sizes, matchings and statistics of the clusterings of a run."""

from collections import Counter
from pathlib import Path

import numpy as np

from fmclust import runs
from fmclust.clustering import estimator_of
from fmclust.evaluation.results import Evaluation

MAX_CONFUSIONS = 10  # of each split
PRIOR = "sizes_are_prior"  # attribute of estimators that assume the sizes of the clusters


def write_summary(directory: Path, made: Evaluation) -> None:
    """Write the summary of all clusterings.

    Args:
        directory: The run directory, or that of a later clustering.
        made: The clusterings and their matchings.
    """
    summary = {
        name: {
            "n_clusters": clustering.n_clusters,
            "sizes": {
                split: Counter(map(str, np.sort(ids).tolist()))  # empty clusters are left out
                for split, ids in clustering.clusters.items()
            },
            "matchings": {
                split: {str(cluster): cls for cluster, cls in sorted(confusion.matching.items())}
                for (clusterer, split), confusion in made.confusions.items()
                if clusterer == name
            },
            "confused": {
                split: confusion.largest(MAX_CONFUSIONS)  # class, class of the cluster, images
                for (clusterer, split), confusion in made.confusions.items()
                if clusterer == name
            },
            "statistics": {k: v for k, v in clustering.statistics.items() if np.isfinite(v)},
            "sizes_are_prior": made.sizes_are_prior
            or getattr(estimator_of(clustering.estimator), PRIOR, False),
            "warnings": clustering.warnings,
        }
        for name, clustering in made.clusterings.items()
    }
    runs.write_json(directory / runs.CLUSTERINGS_FILE, summary)
