"""The elbow method: label-free statistics against the number of clusters.

`python -m fmclust.elbow data=fashion_mnist_all k_max=20` for pixels; with `run=<directory>` for the
latents of a run.
"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from fmclust.config.command import command
from fmclust.config.schema import require_engine, require_target
from fmclust.errors import UserError, require_new, require_seed, require_whole
from fmclust.jobs.sources import source_of
from fmclust.paper.numbers import ELBOWS


def elbow(config: DictConfig) -> None:
    """Fit one clusterer for every k; write elbow.csv and elbow.png."""
    require(config)
    from rich.progress import track  # these are slow, and `--help` does not need them
    from sklearn.base import BaseEstimator

    from fmclust.clustering import statistics_by_k
    from fmclust.jobs.threads import limited_threads
    from fmclust.runs import write_rows
    from fmclust.trust import build

    directory = Path(HydraConfig.get().runtime.output_dir)
    require_new(directory / "elbow.csv")
    ((name, settings),) = config.cluster.items()
    rows: list[dict[str, float]] = []
    with limited_threads(config.threads):
        source = source_of(config)
        if config.k_max > (n := len(source.latents)):
            raise UserError(f"k_max={config.k_max} is too large: type k_max= with at most {n}.")
        numbers = range(config.k_min, config.k_max + 1)
        title = f"{name} of {source.name}"
        trials = statistics_by_k(
            build(settings, BaseEstimator),
            source.latents,
            numbers,
            sample=config.sample,
            seed=config.seed,
        )
        for row in track(trials, title, total=len(numbers)):
            rows.append(row)
            write_rows(directory / "elbow.csv", rows)  # after each k: a stop loses at most one
    paper = ELBOWS.get(config.k_max, ()) if name == "kmeans" and source.is_papers else ()
    print(conclude(directory, rows, title, paper))


def require(config: DictConfig) -> None:
    """Refuse invalid values before anything is read."""
    require_seed(config.seed)
    require_whole("k_min", config.k_min, 1)
    require_whole("k_max", config.k_max, config.k_min + 1)
    require_whole("sample", config.sample, 2)
    if len(config.cluster) != 1:
        raise UserError("an elbow needs exactly one clusterer: type cluster=kmeans, for example.")
    for name, settings in config.cluster.items():
        require_target(f"cluster.{name}", settings)
    require_engine(config.cluster)


def conclude(
    directory: Path, rows: list[dict[str, float]], title: str, paper: tuple[int, ...]
) -> str:
    """Draw the figure; return a text with the knee and the paths of the files."""
    from fmclust.clustering import knee
    from fmclust.plots import draw_elbow, save
    from fmclust.runs import replacing

    curve = "inertia" if "inertia" in rows[0] else "bic"
    numbers, values = [row["k"] for row in rows], [row[curve] for row in rows]
    found = knee(numbers, values)
    with replacing(directory / "elbow.png") as partial:
        figure = draw_elbow(rows, title=title, knee=found, paper=paper)
        save(figure, partial, dpi=120, format="png", bbox_inches="tight")
    lowest = int(min(zip(values, numbers, strict=True))[1])
    text = f"kneed finds no knee of the {curve}" if found is None else f"knee by kneed: k = {found}"
    if curve == "bic":
        text += f"; the lowest BIC is at k = {lowest}"
    if paper:
        text += f"; the paper's elbow: {' or '.join(map(str, paper))}"
    return f"{text}\n{directory}/elbow.csv, elbow.png"


main = command("elbow", elbow)

if __name__ == "__main__":
    main()
