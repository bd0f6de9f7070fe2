"""Label-free statistics of clusterings beside their accuracy, over runs that differ in the seed.

`python -m benchmarks.label_free <folder>` reads the finished runs of `fmclust.reproduce`. Every
clustering of the held-out test split is measured in the same spaces and on the same graph, so that
encoders can be compared. Labels only score.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize

from benchmarks.measure import section
from fmclust.data import FashionMNIST
from fmclust.models.preprocessing import standardize
from fmclust.reports.markdown import table
from fmclust.runs import (
    clustered_in,
    find_runs,
    read_assignments,
    read_latents,
    read_metrics,
)

N_COMPONENTS = 50  # of the standardized pixels
N_NEIGHBOURS = 10  # of the graph

Ids = NDArray[np.int64]


def pixel_components(data: FashionMNIST) -> NDArray[np.float64]:
    """Return principal components of the standardized test images, fitted on train: (5000, 50)."""
    train, test = (
        standardize(data.splits[name].images).flatten(1).numpy() for name in ("train", "test")
    )
    pca = PCA(N_COMPONENTS, svd_solver="covariance_eigh").fit(train)
    components: NDArray[np.float64] = pca.transform(test).astype(np.float64)
    return components


def normalised_cut(graph: csr_matrix, clusters: Ids) -> float:
    """Return the mean over clusters of the share of their edges that leave them (Shi, Malik 2000).

    Args:
        graph: Symmetric adjacency matrix of shape (N, N).
        clusters: int64 cluster ids of shape (N,).
    """
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    cuts = []
    for cluster in np.unique(clusters):
        inside = (clusters == cluster).astype(np.float64)
        volume = degrees @ inside
        cuts.append(1 - float(inside @ (graph @ inside)) / volume)
    return float(np.mean(cuts))


def encoder_of(run: Path) -> str:
    """Return the kind and the variant of a run, such as `convae_kmeans/plain`."""
    return f"{run.parents[1].name}/{run.parent.name}"


def spaces_of(runs: list[Path], pixels: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the common spaces: pixels, and the latents of the first run of each encoder.

    Latents are centred and scaled to unit length, so that no encoder's scale counts.
    """
    spaces = {"pixels": pixels}
    for run in runs:
        if (run / "latents.npz").exists() and encoder_of(run) not in spaces:
            latents = read_latents(run)["test"].astype(np.float64)
            spaces[encoder_of(run)] = normalize(latents - latents.mean(axis=0))
    return spaces


def statistics_of(
    clusters: Ids, spaces: Mapping[str, NDArray[np.float64]], graph: csr_matrix
) -> dict[str, float]:
    """Return the label-free statistics of a clustering."""
    found = {
        f"silhouette: {name}": float(silhouette_score(rows, clusters))
        for name, rows in spaces.items()
    }
    return found | {"normalised cut": normalised_cut(graph, clusters)}


def measure(folder: str) -> pd.DataFrame:
    """Return a row for each clustering: encoder, clusterer, seed, statistics, accuracy."""
    runs = [run for run in find_runs("runs", f"{folder}/*/*/*") if (run / "latents.npz").exists()]
    pixels = pixel_components(FashionMNIST())
    spaces = spaces_of(runs, pixels)
    graph = kneighbors_graph(pixels, N_NEIGHBOURS)
    graph = ((graph + graph.T) > 0).astype(np.float64)
    rows = []
    clustered: dict[tuple[str, str], list[Ids]] = defaultdict(list)
    for run in runs:
        for name, place in clustered_in(run).items():
            clusters = read_assignments(place, name)["test"]
            key = (encoder_of(run), name)
            clustered[key].append(clusters)
            row = {"encoder": key[0], "clusterer": name, "seed": run.name}
            accuracy = read_metrics(place)[f"{name}/test/accuracy"]
            rows.append(row | statistics_of(clusters, spaces, graph) | {"accuracy": accuracy})
            print(f"  {row}", flush=True)
    agreement = {
        key: float(np.mean([adjusted_rand_score(*pair) for pair in combinations(found, 2)]))
        for key, found in clustered.items()
        if len(found) > 1
    }
    frame = pd.DataFrame(rows)
    keys = zip(frame["encoder"], frame["clusterer"], strict=True)
    frame.insert(3, "agreement", [agreement.get(key, np.nan) for key in keys])
    return frame


def main(folder: str = "outputs/reproduce") -> str:
    """Measure; return the section of the results."""
    frame = measure(folder)
    names = [*frame.columns[3:]]
    means = frame.groupby(["encoder", "clusterer"], sort=False)[names].mean()
    n_seeds = frame.groupby(["encoder", "clusterer"], sort=False).size()
    rows = [
        [*map(str, key), str(n_seeds.loc[key]), *(f"{value:.3f}" for value in values)]
        for key, values in zip(means.index, means.to_numpy(), strict=True)
    ]
    within = frame.groupby(["encoder", "clusterer"])[names].rank()
    ranks = [
        ["over encoders and clusterers"]
        + [f"{spearmanr(means[name], means['accuracy']).statistic:+.2f}" for name in names[:-1]],
        ["over the seeds of one"]
        + [
            "" if name == "agreement" else f"{within[name].corr(within['accuracy']):+.2f}"
            for name in names[:-1]
        ],
    ]
    return section(
        "Label-free statistics and accuracy (Fashion-MNIST, test: the last 5,000)",
        table(["encoder", "clusterer", "seeds", *names], rows),
        "Rank correlation of each statistic with the accuracy (a cut is better if lower):",
        table(["", *names[:-1]], ranks),
    )


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
