"""The paper's parts, and what goes beyond it, as runs: their overrides, a process for each."""

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
    """One of the paper's parts, or a result beyond the paper that stands beside them.

    Attributes:
        kind: Key of `KINDS`, the runs that contain it; a run may contain two parts.
        clusterer: Option of `cluster=`.
        title: Its title in tables.
    """

    kind: str
    clusterer: str
    title: str

    @property
    def split(self) -> str:
        """Split whose accuracy the table shows, the paper's for its parts."""
        return "all" if self.kind == PIXELS else "test"

    @property
    def accuracy(self) -> float | None:
        """The paper's accuracy; None for a part beyond the paper."""
        model = "pixels" if self.kind == PIXELS else "convae"
        return ACCURACIES.get((model, self.clusterer, self.split))


PIXELS = "kmeans_pixels"  # the kind of run that trains no encoder
KINDS = {  # kind of run to its overrides
    PIXELS: (f"experiment={PIXELS}",),
    "convae_kmeans": ("experiment=convae_kmeans",),
    "convae_gmm": ("experiment=convae_gmm",),
    "contrastive_first_stage": (
        "experiment=contrastive",
        "trainer.max_epochs=10",
        "model.self_labelling_epochs=0",
    ),
    "contrastive": ("experiment=contrastive",),
}
FIRST = "contrastive_first_stage"
PARTS = {
    "kmeans_pixels": Part(PIXELS, "kmeans", "1: k-means on pixels, all 70,000 images"),
    "convae_kmeans": Part("convae_kmeans", "kmeans", "2: k-means on latents, 45 epochs"),
    "convae_gmm_45": Part("convae_kmeans", "gmm", "3: mixture on latents, 45 epochs"),
    "convae_gmm": Part("convae_gmm", "gmm", "3: mixture on latents, 300 epochs"),
    "contrastive_spherical": Part(FIRST, "spherical_kmeans", "spherical k-means, 10 epochs"),
    "contrastive_balanced": Part(FIRST, "balanced_kmeans", "size-balanced k-means, 10 epochs"),
    "contrastive_self_labelled": Part("contrastive", "prototypes", "self-labelling, 26 epochs"),
}
VARIANTS = {  # variant to the kinds of runs that it has
    "plain": (PIXELS, "convae_kmeans", "convae_gmm"),
    "standardized": (PIXELS, "convae_kmeans", "convae_gmm"),
    "dcec": ("convae_kmeans",),
    "contrastive": (FIRST, "contrastive"),
}
# Trials with the first seeds had looked at the labels before the recipe was fixed.
FIRST_SEEDS = {"contrastive": 10}


@dataclass(frozen=True)
class PaperRun:
    """A run of one variant of a kind with one seed.

    Attributes:
        kind: Key of `KINDS`.
        variant: Key of `VARIANTS`.
        seed: Seed of the run.
        folder: Folder of all runs.
    """

    kind: str
    variant: str
    seed: int
    folder: Path

    @property
    def directory(self) -> Path:
        """Directory of the run."""
        return self.folder / self.kind / self.variant / str(self.seed)

    @property
    def trains(self) -> bool:
        """Whether the run trains an encoder; pixels need none."""
        return self.kind != PIXELS

    def clusterer(self, part: Part) -> str:
        """Return the option of `cluster=` for a part; pixels are not whitened."""
        whitens = self.variant == "standardized" and self.trains
        return f"whitened_{part.clusterer}" if whitens else part.clusterer

    def overrides(self) -> list[str]:
        """Return the overrides that describe the run."""
        held = [part for part in PARTS.values() if part.kind == self.kind]
        clusterers = ",".join(map(self.clusterer, held))
        typed = [*KINDS[self.kind], f"cluster=[{clusterers}]", f"seed={self.seed}"]
        if self.variant == "standardized":
            pixels = "model.preprocessing=standardize"
            typed.append("model=convae_standardized" if self.trains else pixels)
        if self.variant == "dcec":
            typed += ["model=convae_dcec", "trainer.precision=auto"]
        return typed

    def missing(self, parts: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return those of the parts that the run contains and that have no row in results.csv."""
        there = {(row["part"], row["variant"], int(row["seed"])) for row in rows}
        held = [part for part in parts if PARTS[part].kind == self.kind]
        return [part for part in held if (part, self.variant, self.seed) not in there]


def planned(
    parts: Iterable[str], variants: Sequence[str], n_seeds: int, folder: Path
) -> Iterator[PaperRun]:
    """Yield the runs, seed by seed; pairs of a kind and a variant without it are passed over."""
    kinds = dict.fromkeys(PARTS[part].kind for part in parts)
    for number, kind, variant in product(range(n_seeds), kinds, variants):
        if kind in VARIANTS[variant]:
            yield PaperRun(kind, variant, number + FIRST_SEEDS.get(variant, 0), folder)


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
    from joblib import cpu_count  # those that this process may use

    threads = max(1, cpu_count() // at_once)
    typed = [f"threads={threads}", *more] if at_once > 1 else list(more)
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
