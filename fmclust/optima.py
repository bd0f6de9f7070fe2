"""The local optima of k-means, and which of them is the paper's (section 5.1).

`python -m fmclust.optima starts=50`, of pixels; `run=<directory>`, of a run's latents.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.entry import command
from fmclust.errors import require_new, require_seed, require_whole
from fmclust.sources import Source, source_of

if TYPE_CHECKING:
    from fmclust.clustering import Start


def optima(config: DictConfig) -> None:
    """Starts k-means many times; leaves starts.csv and prints the optima."""
    for key, least in (("starts", 1), ("n_clusters", 1)):
        require_whole(key, config[key], least)
    require_seed(config.seed)
    require_seed(config.seed + config.starts - 1)  # of the last start
    from rich.progress import track  # these and scikit-learn, which `--help` does without
    from sklearn.cluster import KMeans

    from fmclust.clustering import distinct_optima, fit_from_starts
    from fmclust.devices import limited_threads
    from fmclust.reports import optima_by_frequency, spread_over_starts
    from fmclust.runs import write_rows
    from fmclust.targets import build_all

    directory = Path(HydraConfig.get().runtime.output_dir)
    require_new(directory / "starts.csv")
    ways = build_all(config.ways, KMeans)
    seeds = range(config.seed, config.seed + config.starts)
    with limited_threads(config.threads):
        source = source_of(config)
        fits = fit_from_starts(ways, source.latents.astype("float64"), seeds)
        title = f"k-means of {source.name}"
        starts = list(track(fits, title, total=len(ways) * len(seeds)))
    found = distinct_optima(starts)
    rows = rows_of(found, source, config.n_clusters)
    write_rows(directory / "starts.csv", rows)
    print(f"{title}: what the starts end at\n\n{spread_over_starts(rows)}\n")
    print(f"The local optima\n\n{optima_by_frequency(rows)}")
    if source.is_papers and config.n_clusters == 10:
        print(f"\n{compared_with_the_paper(found, source)}")
    print(f"\n{directory}/starts.csv")


def rows_of(
    found: Sequence[Sequence["Start"]], source: Source, n_clusters: int
) -> list[dict[str, Any]]:
    """Returns a row for every start: its optimum, its SSE and, with labels, its accuracy."""
    from fmclust.metrics import score

    classes, rows = source.classes, []
    for number, starts in enumerate(found, 1):
        for start in starts:
            row = {"optimum": number, "way": start.way, "seed": start.seed, "sse": start.inertia}
            row |= {"n_iter": start.n_iter, "accuracy": None}
            if classes is not None:
                sizes = {"n_clusters": n_clusters, "n_classes": int(classes.max()) + 1}
                row["accuracy"] = score(start.clusters, classes, **sizes)["accuracy"]
            rows.append(row)
    return rows


def compared_with_the_paper(found: Sequence[Sequence["Start"]], source: Source) -> str:
    """Says which optimum is nearest to the paper's, and how near."""
    import numpy as np

    from fmclust.metrics import confusion_of
    from fmclust.reports.paper import ACCURACIES, PIXELS_CONFUSION, PIXELS_SSE

    classes = source.classes
    assert classes is not None  # these pixels have labels

    def matched(start: "Start") -> np.ndarray:
        confusion = confusion_of(start.clusters, classes, n_clusters=10, n_classes=10)
        return confusion.compute().numpy()

    def distance(start: "Start") -> float:
        return np.abs(matched(start) - np.array(PIXELS_CONFUSION)).sum()

    groups = enumerate(found, 1)
    number, alike = min(groups, key=lambda group: abs(group[1][0].inertia - PIXELS_SSE))
    nearest = min(alike, key=distance)  # starts of one optimum still differ by some images
    ours = matched(nearest)
    apart = np.abs(ours - np.array(PIXELS_CONFUSION))
    accuracy, paper = np.trace(ours) / ours.sum(), ACCURACIES["pixels", "kmeans", "all"]
    return (
        f"The paper's: SSE {PIXELS_SSE:,.1f}, accuracy {paper:.5f}. Nearest: optimum {number} "
        f"({nearest.way}, seed {nearest.seed}), SSE {nearest.inertia:,.1f} "
        f"({nearest.inertia / PIXELS_SSE - 1:+.1e}), accuracy {accuracy:.5f}; of its matched "
        f"confusion matrix a cell differs by {apart.max()} of 70,000 images at most, by "
        f"{apart.mean():.1f} in the mean."
    )


main = command("optima", optima)

if __name__ == "__main__":
    main()
