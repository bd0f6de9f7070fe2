"""The elbow command: figures by k, the knee, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer, Finished, sign
from layout import rows_of
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from fmclust.clustering import knee, statistics_by_k


def numbers_of(path: Path) -> list[dict[str, float]]:
    return [{name: float(v or "nan") for name, v in row.items()} for row in rows_of(path)]


def test_figures_are_scikit_learns(blobs: NDArray[np.float32]) -> None:
    rows = list(statistics_by_k(KMeans(random_state=0), blobs, (1, 4), sample=100, seed=0))
    fitted = KMeans(4, random_state=0).fit(blobs)
    assert rows[1]["inertia"] == pytest.approx(fitted.inertia_)
    assert rows[1]["score"] == pytest.approx(fitted.score(blobs), rel=1e-4)
    assert rows[1]["silhouette"] > 0.8 and "silhouette" not in rows[0]
    (row,) = statistics_by_k(GaussianMixture(random_state=0), blobs, (4,), sample=100, seed=0)
    mixture = GaussianMixture(4, random_state=0).fit(blobs)
    assert row["bic"] == pytest.approx(mixture.bic(blobs), rel=1e-4)
    assert row["score"] == pytest.approx(mixture.score(blobs), rel=1e-4)


def test_the_knee_is_where_clusters_end_and_a_line_has_none(blobs: NDArray[np.float32]) -> None:
    rows = list(statistics_by_k(KMeans(n_init=5), blobs, range(1, 11), sample=100, seed=0))
    assert knee([row["k"] for row in rows], [row["inertia"] for row in rows]) == 4
    assert knee([1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0]) is None


@pytest.mark.parametrize(("cluster", "curve"), [("kmeans", "inertia"), ("gmm", "bic")])
def test_an_elbow_of_a_runs_latents(
    cluster: str,
    curve: str,
    command_line: Callable[..., Answer],
    finished: Finished,
    tmp_path: Path,
) -> None:
    typed = (f"run={finished.directory}", f"cluster={cluster}", "k_max=4", "hydra.run.dir=made")
    answer = command_line("elbow", *typed)
    assert answer.status == 0 and "kneed" in answer.out, answer.err
    rows = numbers_of(tmp_path / "made" / "elbow.csv")
    assert [row["k"] for row in rows] == [1, 2, 3, 4] and rows[0][curve] > rows[3][curve]
    assert (tmp_path / "made" / "elbow.png").read_bytes().startswith(b"\x89PNG")


def test_an_elbow_of_a_run_on_all_images_and_of_none(
    command_line: Callable[..., Answer], run: Path
) -> None:
    latents = np.load(run / "latents.npz")
    np.savez(run / "latents.npz", all=latents["test"])
    sign(run)
    assert command_line("elbow", "run=run", "k_max=3").status == 0
    (run / "latents.npz").unlink()
    sign(run)
    assert command_line("elbow", "run=run").refuses("run=run", "latents")
    (run / "status.json").write_text('{"format": 2, "status": "stopped"}')
    assert command_line("elbow", "run=run").refuses("run=run", "not a finished run")


def test_an_elbow_of_pixels(command_line: Callable[..., Answer], tmp_path: Path) -> None:
    answer = command_line("elbow", "data=digits", "k_max=3", "hydra.run.dir=made")
    assert answer.status == 0, answer.err
    assert len(numbers_of(tmp_path / "made" / "elbow.csv")) == 3


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("threads=0", ("threads=0", "from 1")),
        ("k_max=1", ("k_max=1", "from 2")),
        ("run=nowhere", ("run=nowhere", "not a run directory")),
        ("cluster=spark_kmeans", ("cluster.spark_kmeans", "engine=spark")),
        ("cluster=[kmeans,gmm]", ("one clusterer", "cluster=kmeans")),
        ("kmax=5", ("kmax", "k_max")),
    ],
)
def test_a_mistake_is_one_line(
    mistake: str, named: tuple[str, ...], command_line: Callable[..., Answer]
) -> None:
    answer = command_line("elbow", "data=digits", mistake)
    assert answer.refuses(*named), answer.err
