"""The paper's parts as jobs: what each runs, one process for each."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmclust.errors import UserError

# Experiment to clusterers: a network is trained once for both.
EXPERIMENTS = {
    "kmeans_pixels": ("kmeans",),
    "convae_kmeans": ("kmeans", "gmm"),
    "convae_gmm": ("gmm",),
}
# Part to the experiment whose runs hold it, and its clusterer.
PARTS = {
    "kmeans_pixels": ("kmeans_pixels", "kmeans"),
    "convae_kmeans": ("convae_kmeans", "kmeans"),
    "convae_gmm_45": ("convae_kmeans", "gmm"),
    "convae_gmm": ("convae_gmm", "gmm"),
}
VARIANTS = ("plain", "standardized")
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One run: an experiment by one variant with one seed.

    Attributes:
        experiment: Key of `EXPERIMENTS`.
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
        return self.folder / self.experiment / self.variant / str(self.seed)

    @property
    def has_network(self) -> bool:
        return self.experiment != "kmeans_pixels"

    def clusterer(self, name: str) -> str:
        """Returns the option of `cluster=`; pixels are no latents to be whitened."""
        standardized = self.variant == "standardized"
        return f"whitened_{name}" if standardized and self.has_network else name

    def overrides(self) -> list[str]:
        """Returns what to type."""
        clusterers = ",".join(map(self.clusterer, EXPERIMENTS[self.experiment]))
        typed = [f"experiment={self.experiment}", f"cluster=[{clusterers}]", f"seed={self.seed}"]
        if self.variant == "standardized":
            network, pixels = "model=convae_standardized", "model.preprocessing=standardize"
            typed.append(network if self.has_network else pixels)
        return typed

    def missing(self, parts: Iterable[str], rows: Sequence[Row]) -> list[str]:
        """Returns which of the parts it holds and no row is of."""
        there = {(row["part"], row["variant"], int(row["seed"])) for row in rows}
        return [
            part
            for part in parts
            if PARTS[part][0] == self.experiment and (part, self.variant, self.seed) not in there
        ]


def planned(
    parts: Iterable[str], variants: Sequence[str], n_seeds: int, folder: Path
) -> Iterator[Job]:
    """Yields the jobs, those of one seed before those of the next."""
    experiments = list(dict.fromkeys(PARTS[part][0] for part in parts))
    for seed in range(n_seeds):
        for experiment in experiments:
            for variant in variants:
                yield Job(experiment, variant, seed, folder)


def run_all(
    jobs: Sequence[Job], more: Sequence[str], at_once: int
) -> Iterator[tuple[Job, str | None]]:
    """Runs jobs in processes of their own.

    Args:
        jobs: In this order.
        more: Overrides for all of them.
        at_once: How many processes, each with its share of the cores.

    Yields:
        Each job, and why it failed if it did.
    """
    threads = max(1, (os.cpu_count() or 1) // at_once)
    typed = [*more, f"threads={threads}"] if at_once > 1 else list(more)
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from zip(jobs, pool.map(lambda job: _run(job, typed), jobs), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C: no more are begun


def _run(job: Job, more: Sequence[str]) -> str | None:
    from fmclust.runs import read_status

    try:
        status = read_status(job.directory)
    except UserError as error:
        return str(error)
    if status is not None and status["status"] == "done":
        return None
    if status is None:
        typed = ["fmclust.train", *job.overrides(), *more, f"hydra.run.dir={job.directory}"]
    else:
        typed = ["fmclust.resume", f"run={job.directory}"]
    process = [sys.executable, "-m", *typed]
    done = subprocess.run(
        process, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 0:
        return None
    return done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
