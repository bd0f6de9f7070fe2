"""Clustering as we call it, against faiss and scikit-learn's defaults.

`python -m benchmarks.clustering`. On the latents of a run of five epochs and, k-means alone, on the
pixels of all images: a mixture of 784 dimensions takes hours to converge.
"""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import faiss
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from benchmarks.measure import interleaved, section, targets, train
from benchmarks.training import as_called
from fmclust.clustering import fit
from fmclust.data import FashionMNIST
from fmclust.models import Pixels, encode_all
from fmclust.reports.markdown import table

ROUNDS, K = 3, 10


def ours(estimator: BaseEstimator, rows: np.ndarray) -> str:
    """Fit an estimator as the package does; return what it reached."""
    return described(fit(estimator, rows)[0])


def theirs(estimator: BaseEstimator, rows: np.ndarray) -> str:
    """Fit an estimator as one would by hand; return what it reached."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return described(estimator.fit(rows))


def by_faiss(rows: np.ndarray) -> str:
    """Fit faiss's k-means with as many starts as ours; return what it reached."""
    kmeans = faiss.Kmeans(rows.shape[1], K, niter=300, nredo=10, seed=0)
    kmeans.cp.max_points_per_centroid = len(rows)  # all of them, not a sample
    kmeans.train(rows)
    distances, _ = kmeans.index.search(rows, 1)
    return f"SSE {distances.sum(dtype=np.float64):,.1f}, 300 iterations"


def described(fitted: BaseEstimator) -> str:
    """Say what was reached: inertia of k-means, mean log-likelihood of a mixture."""
    if isinstance(fitted, KMeans):
        return f"SSE {fitted.inertia_:,.1f}, {fitted.n_iter_} iterations"
    return f"log-likelihood {fitted.lower_bound_:.4f}, {fitted.n_iter_} iterations"


def compare(contenders: dict[str, Callable[[], str]], rounds: int) -> tuple[list[list[str]], float]:
    """Run contenders in turn; return rows of a table, and the first one's median seconds."""
    reached: dict[str, str] = {}

    def clock(name: str) -> float:
        start = time.perf_counter()
        reached[name] = contenders[name]()
        return time.perf_counter() - start

    seconds = interleaved({name: partial(clock, name) for name in contenders}, rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    first = next(iter(medians.values()))
    rows = [
        [
            name,
            *(f"{v:.2f}" for v in (min(s), medians[name], max(s), medians[name] / first)),
            reached[name],
        ]
        for name, s in seconds.items()
    ]
    return rows, first


def kmeans_contenders(rows: np.ndarray) -> dict[str, Callable[[], str]]:
    """Return the contenders of k-means."""
    return {
        "k-means, ours: 10 starts": partial(ours, as_called("kmeans"), rows),
        "faiss, 10 starts": partial(by_faiss, rows),
        "scikit-learn's default: 1 start": partial(theirs, KMeans(K, random_state=0), rows),
    }


def mixture_contenders(rows: np.ndarray) -> dict[str, Callable[[], str]]:
    """Return the contenders of a mixture."""
    return {
        "mixture, ours": partial(ours, as_called("gmm"), rows),
        "scikit-learn's default": partial(theirs, GaussianMixture(K, random_state=0), rows),
    }


def main() -> str:
    """Measure; return the section of the results."""
    data = FashionMNIST(split="all")
    pixels = encode_all(Pixels(image_shape=data.image_shape), data.splits["all"].images)
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "run", "trainer.max_epochs=5", "cluster=kmeans")
        latents = np.load(Path(folder) / "run" / "latents.npz")["train"]
    compared = (
        ("latents", latents, kmeans_contenders, ROUNDS),
        ("latents", latents, mixture_contenders, ROUNDS),
        ("pixels", pixels, kmeans_contenders, 1),
    )
    tables, firsts = [], []
    for where, x, contenders, rounds in compared:
        table_rows, first = compare(contenders(x), rounds)
        head = f"{where}, {' x '.join(f'{n:,}' for n in x.shape)}"
        heads = [head, "min s", "median s", "max s", "times ours", "reached"]
        tables.append(table(heads, table_rows))
        firsts.append((first, table_rows[0][-1]))
    (k_seconds, _), (g_seconds, text), _ = firsts
    per_iteration = 1000 * g_seconds / int(text.split()[-2])
    return section(
        f"Clustering (k = {K}, {ROUNDS} rounds on latents, one on pixels)",
        *tables,
        targets(
            (f"k-means on latents at most 1 s: {k_seconds:.2f}", k_seconds <= 1),
            (
                f"mixture on latents at most 50 ms an iteration: {per_iteration:.0f}",
                per_iteration <= 50,
            ),
        ),
    )


if __name__ == "__main__":
    print(main())
