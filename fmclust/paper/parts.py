"""The paper's three parts as runs: their overrides, and one process for each run."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from fmclust.errors import UserError
from fmclust.paper.numbers import ACCURACIES


class Part(NamedTuple):
    """One of the paper's parts.

    Attributes:
        experiment: Option of `experiment=` whose runs contain it; a run may contain two parts.
        clusterer: Option of `cluster=`.
        title: Its title in tables.
    """

    experiment: str
    clusterer: str
    title: str

    @property
    def split(self) -> str:
        """Split whose accuracy the paper gives."""
        return "all" if self.experiment == PIXELS else "test"

    @property
    def accuracy(self) -> float:
        """The paper's accuracy."""
        model = "pixels" if self.experiment == PIXELS else "convae"
        return ACCURACIES[model, self.clusterer, self.split]


PIXELS = "kmeans_pixels"  # the experiment that trains no encoder
PARTS = {
    "kmeans_pixels": Part(PIXELS, "kmeans", "1: k-means on pixels, all 70,000 images"),
    "convae_kmeans": Part("convae_kmeans", "kmeans", "2: k-means on latents, 45 epochs"),
    "convae_gmm_45": Part("convae_kmeans", "gmm", "3: mixture on latents, 45 epochs"),
    "convae_gmm": Part("convae_gmm", "gmm", "3: mixture on latents, 300 epochs"),
}
VARIANTS = ("plain", "standardized")


@dataclass(frozen=True)
class PaperRun:
    """A run of one variant of an experiment with one seed.

    Attributes:
        experiment: An experiment of `PARTS`.
        variant: One of `VARIANTS`.
        seed: Seed of the run.
        folder: Folder of all runs.
    """

    experiment: str
    variant: str
    seed: int
    folder: Path

    @property
    def directory(self) -> Path:
        """Directory of the run."""
        return self.folder / self.experiment / self.variant / str(self.seed)

    @property
    def trains(self) -> bool:
        """Whether the run trains an encoder; pixels need none."""
        return self.experiment != PIXELS

    def clusterer(self, part: Part) -> str:
        """Return the option of `cluster=` for a part; pixels are not whitened."""
        whitens = self.variant == "standardized" and self.trains
        return f"whitened_{part.clusterer}" if whitens else part.clusterer

    def overrides(self) -> list[str]:
        """Return the overrides that describe the run."""
        held = [part for part in PARTS.values() if part.experiment == self.experiment]
        clusterers = ",".join(map(self.clusterer, held))
        typed = [f"experiment={self.experiment}", f"cluster=[{clusterers}]", f"seed={self.seed}"]
        if self.variant == "standardized":
            pixels = "model.preprocessing=standardize"
            typed.append("model=convae_standardized" if self.trains else pixels)
        return typed

    def missing(self, parts: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return those of the parts that the run contains and that have no row in results.csv."""
        there = {(row["part"], row["variant"], int(row["seed"])) for row in rows}
        held = [part for part in parts if PARTS[part].experiment == self.experiment]
        return [part for part in held if (part, self.variant, self.seed) not in there]


def planned(
    parts: Iterable[str], variants: Sequence[str], n_seeds: int, folder: Path
) -> Iterator[PaperRun]:
    """Yield the runs, seed by seed."""
    experiments = dict.fromkeys(PARTS[part].experiment for part in parts)
    for seed, experiment, variant in product(range(n_seeds), experiments, variants):
        yield PaperRun(experiment, variant, seed, folder)


def run_all(
    planned_runs: Sequence[PaperRun], more: Sequence[str], at_once: int
) -> Iterator[tuple[PaperRun, str | None]]:
    """Execute each run in a process.

    Args:
        planned_runs: The runs, in order.
        more: Overrides for all of them.
        at_once: Number of processes at once; the cores are divided between them.

    Yields:
        Each run, and the reason if it failed, else None.
    """
    threads = max(1, (os.cpu_count() or 1) // at_once)
    typed = [*more, f"threads={threads}"] if at_once > 1 else list(more)
    pool = ThreadPoolExecutor(at_once)
    try:
        ended = pool.map(lambda run: _make(run, typed), planned_runs)
        yield from zip(planned_runs, ended, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, no further run is started


def _make(run: PaperRun, more: Sequence[str]) -> str | None:
    """Execute or resume a run unless it is finished; return the reason if it failed."""
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
