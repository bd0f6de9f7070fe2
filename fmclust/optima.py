"""Find local optima of k-means, and which of them is the paper's (section 5.1).

`python -m fmclust.optima starts=50` for pixels; with `run=<directory>` for the latents of a run.
"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.config.command import command
from fmclust.errors import UserError, require_new, require_seed, require_whole
from fmclust.jobs.sources import source_of


def optima(config: DictConfig) -> None:
    """Fit k-means from many starts; write starts.csv and print the optima."""
    for key in ("starts", "n_clusters"):
        require_whole(key, config[key], 1)
    require_seed(config.seed)
    require_seed(config.seed + config.starts - 1)  # seed of the last start
    from rich.progress import track  # these are slow, and `--help` does not need them
    from sklearn.cluster import KMeans

    from fmclust.clustering import distinct_optima, fit_from_starts
    from fmclust.jobs.threads import limited_threads
    from fmclust.paper.optima import (
        compared_with_the_paper,
        optima_by_frequency,
        spread_over_starts,
        starts_frame,
    )
    from fmclust.runs import replacing
    from fmclust.trust import build_all

    directory = Path(HydraConfig.get().runtime.output_dir)
    require_new(directory / "starts.csv")
    ways = build_all(config.ways, KMeans)
    seeds = range(config.seed, config.seed + config.starts)
    with limited_threads(config.threads):
        source = source_of(config)
        if config.n_clusters > (n := len(source.latents)):
            raise UserError(
                f"n_clusters={config.n_clusters} is too large: type n_clusters= with at most {n}."
            )
        fits = fit_from_starts(ways, source.latents.astype("float64"), seeds)
        title = f"k-means of {source.name}"
        starts = list(track(fits, title, total=len(ways) * len(seeds)))
    found = distinct_optima(starts)
    rows = starts_frame(found, source.classes, config.n_clusters)
    with replacing(directory / "starts.csv") as partial:
        rows.to_csv(partial, index=False)
    print(f"{title}: results of the starts\n\n{spread_over_starts(rows)}\n")
    print(f"The local optima\n\n{optima_by_frequency(rows)}")
    if source.is_papers and source.classes is not None and config.n_clusters == 10:
        print(f"\n{compared_with_the_paper(found, source.classes)}")
    print(f"\n{directory}/starts.csv")


main = command("optima", optima)

if __name__ == "__main__":
    main()
