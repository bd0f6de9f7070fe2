"""The paper's three parts as runs: what each is, and one process for each run."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fmclust.errors import UserError
from fmclust.paper.numbers import ACCURACIES


class Part(NamedTuple):
    """One of the paper's parts.

    Attributes:
        experiment: Option of `experiment=` whose runs hold it; one run may hold two parts.
        clusterer: Option of `cluster=`.
        title: What it is.
        split: Whose accuracy the paper gives.
        accuracy: The paper's.
    """

    experiment: str
    clusterer: str
    title: str
    split: str
    accuracy: float


def _part(experiment: str, model: str, clusterer: str, split: str, title: str) -> Part:
    return Part(experiment, clusterer, title, split, ACCURACIES[model, clusterer, split])


PARTS = {
    "kmeans_pixels": _part(
        *("kmeans_pixels", "pixels", "kmeans", "all", "1: k-means on pixels, all 70,000 images")
    ),
    "convae_kmeans": _part(
        *("convae_kmeans", "convae", "kmeans", "test", "2: k-means on latents, 45 epochs")
    ),
    "convae_gmm_45": _part(
        *("convae_kmeans", "convae", "gmm", "test", "3: mixture on latents, 45 epochs")
    ),
    "convae_gmm": _part(
        *("convae_gmm", "convae", "gmm", "test", "3: mixture on latents, 300 epochs")
    ),
}
VARIANTS = ("plain", "standardized")


@dataclass(frozen=True)
class PaperRun:
    """One run: an experiment by one variant with one seed.

    Attributes:
        experiment: An experiment of `PARTS`.
        variant: One of `VARIANTS`.
        seed: The run's seed.
        folder: Where all runs lie.
    """

    experiment: str
    variant: str
    seed: int
    folder: Path

    @property
    def directory(self) -> Path:
        """Its run directory."""
        return self.folder / self.experiment / self.variant / str(self.seed)

    @property
    def trains(self) -> bool:
        """Whether it trains an encoder; pixels need none."""
        return self.experiment != "kmeans_pixels"

    def clusterer(self, part: Part) -> str:
        """Return the option of `cluster=` for a part; pixels are not whitened."""
        whitens = self.variant == "standardized" and self.trains
        return f"whitened_{part.clusterer}" if whitens else part.clusterer

    def overrides(self) -> list[str]:
        """Return what to type."""
        held = [part for part in PARTS.values() if part.experiment == self.experiment]
        clusterers = ",".join(map(self.clusterer, held))
        typed = [f"experiment={self.experiment}", f"cluster=[{clusterers}]", f"seed={self.seed}"]
        if self.variant == "standardized":
            pixels = "model.preprocessing=standardize"
            typed.append("model=convae_standardized" if self.trains else pixels)
        return typed

    def missing(self, parts: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return which of the parts it holds without a row in results.csv."""
        there = {(row["part"], row["variant"], int(row["seed"])) for row in rows}
        held = [part for part in parts if PARTS[part].experiment == self.experiment]
        return [part for part in held if (part, self.variant, self.seed) not in there]


def planned(
    parts: Iterable[str], variants: Sequence[str], n_seeds: int, folder: Path
) -> Iterator[PaperRun]:
    """Yield the runs, those of one seed before those of the next."""
    experiments = list(dict.fromkeys(PARTS[part].experiment for part in parts))
    for seed in range(n_seeds):
        for experiment in experiments:
            for variant in variants:
                yield PaperRun(experiment, variant, seed, folder)


def run_all(
    planned_runs: Sequence[PaperRun], more: Sequence[str], at_once: int
) -> Iterator[tuple[PaperRun, str | None]]:
    """Make runs in processes of their own.

    Args:
        planned_runs: In this order.
        more: Overrides for all of them.
        at_once: How many processes, each with its share of the cores.

    Yields:
        Each run, and why it failed if it did.
    """
    import psutil

    threads = max(1, (psutil.cpu_count() or 1) // at_once)
    typed = [*more, f"threads={threads}"] if at_once > 1 else list(more)
    pool = ThreadPoolExecutor(at_once)
    try:
        ended = pool.map(lambda run: _make(run, typed), planned_runs)
        yield from zip(planned_runs, ended, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C: no more are begun


def _make(run: PaperRun, more: Sequence[str]) -> str | None:
    """Make a run, or what is missing of it; return why it failed, if it did."""
    from fmclust.runs import is_done, read_status

    try:
        status = read_status(run.directory)
    except UserError as error:
        return str(error)
    if is_done(status):
        return None
    typed = ["fmclust.resume", f"run={run.directory}"]
    if status is None:
        typed = ["fmclust.train", *run.overrides(), *more, f"hydra.run.dir={run.directory}"]
    process = [sys.executable, "-m", *typed]
    done = subprocess.run(
        process, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 0:
        return None
    return done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
