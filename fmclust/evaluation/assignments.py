"""assignments.csv: the cluster of every image by every clusterer."""

import csv
from collections.abc import Iterable, Mapping
from itertools import repeat
from pathlib import Path

import numpy as np

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
    "propagated",
    "image",
)
MAX_RESPONSIBILITIES = 100  # columns; beyond them only the assigned cluster's is written
Matchings = Mapping[tuple[str, str], Mapping[int, int]]


def write_assignments(
    path: Path, clusterings: Mapping[str, Clustering], labels: Labels, matchings: Matchings
) -> None:
    """Writes one row per clusterer, split and image; what is not known stays empty.

    `propagated` is 1 where the cluster is that of the nearest fitted latents, 0 where the clusterer
    gave it itself; `image` is the file, where each image has one. The last columns,
    `responsibility_0` and so on, are of mixtures.

    Args:
        path: The file.
        clusterings: By name.
        labels: For the columns `class` and `image`.
        matchings: (clusterer, split) to the matching that the split's accuracy is made with.
    """
    k = max((made.n_clusters for made in clusterings.values() if made.responsibilities), default=0)
    k = k if k <= MAX_RESPONSIBILITIES else 0
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*COLUMNS, *(f"responsibility_{cluster}" for cluster in range(k))])
        for name, clustering in clusterings.items():
            for split, ids in clustering.clusters.items():
                clusters = ids.tolist()
                matching = matchings.get((name, split), {})
                soft = clustering.responsibilities.get(split)
                probability: Iterable[str] = repeat("")
                columns: list[Iterable[str]] = [repeat("")] * k
                if soft is not None:
                    probability = _formatted(soft.max(axis=1))
                    columns = [*map(_formatted, soft.T[:k])]
                marks = clustering.propagated.get(split)
                table.writerows(
                    zip(
                        repeat(name),
                        repeat(split),
                        range(len(clusters)),
                        clusters,
                        labels.classes[split].tolist() if split in labels.classes else repeat(""),
                        [matching.get(cluster, "") for cluster in clusters],
                        probability,
                        repeat(0) if marks is None else marks.astype(int).tolist(),
                        labels.images.get(split, repeat("")),
                        *columns,
                        strict=False,  # what repeats has no end
                    )
                )


def _formatted(values: np.ndarray) -> Iterable[str]:
    return map("{:.6f}".format, values.tolist())
