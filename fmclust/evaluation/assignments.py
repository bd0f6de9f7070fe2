"""assignments.csv: the cluster of every image by every clusterer."""

import csv
from collections.abc import Iterable, Mapping
from itertools import repeat
from pathlib import Path

from fmclust.clustering import Clustering
from fmclust.evaluation.labels import Labels
from fmclust.runs import replacing

COLUMNS = (
    "clusterer",
    "split",
    "index",
    "cluster",
    "class",
    "matched_class",
    "probability",
)
Matchings = Mapping[tuple[str, str], Mapping[int, int]]


def write_assignments(
    path: Path, clusterings: Mapping[str, Clustering], labels: Labels, matchings: Matchings
) -> None:
    """Writes one row per clusterer, split and image; what is not known stays empty.

    Args:
        path: The file.
        clusterings: By name.
        labels: For the column `class`.
        matchings: (clusterer, split) to the matching that the split's accuracy is made with.
    """
    with replacing(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, clustering in clusterings.items():
            for split, ids in clustering.clusters.items():
                clusters = ids.tolist()
                matching = matchings.get((name, split), {})
                probabilities: Iterable[str] = repeat("")
                if split in clustering.probabilities:
                    probabilities = map("{:.6f}".format, clustering.probabilities[split].tolist())
                table.writerows(
                    zip(
                        repeat(name),
                        repeat(split),
                        range(len(clusters)),
                        clusters,
                        labels.classes[split].tolist() if split in labels.classes else repeat(""),
                        [matching.get(cluster, "") for cluster in clusters],
                        probabilities,
                        strict=False,  # what repeats has no end
                    )
                )
