"""The elbow command: figures by k, the knee, and what it refuses."""

import csv

import numpy as np
import pytest
from conftest import sign
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from fmclust.clustering import knee, statistics_by_k


def rows_of(path):
    with path.open() as file:
        return [
            {name: float(v or "nan") for name, v in row.items()} for row in csv.DictReader(file)
        ]


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    centres = 20 * np.eye(4)[:, :3]
    return (centres.repeat(50, 0) + rng.normal(size=(200, 3))).astype(np.float32)


def test_figures_are_scikit_learns(blobs):
    rows = list(statistics_by_k(KMeans(random_state=0), blobs, (1, 4), sample=100, seed=0))
    fitted = KMeans(4, random_state=0).fit(blobs)
    assert rows[1]["inertia"] == pytest.approx(fitted.inertia_)
    assert rows[1]["score"] == pytest.approx(fitted.score(blobs), rel=1e-4)
    assert rows[1]["silhouette"] > 0.8 and "silhouette" not in rows[0]
    (row,) = statistics_by_k(GaussianMixture(random_state=0), blobs, (4,), sample=100, seed=0)
    mixture = GaussianMixture(4, random_state=0).fit(blobs)
    assert row["bic"] == pytest.approx(mixture.bic(blobs), rel=1e-4)
    assert row["score"] == pytest.approx(mixture.score(blobs), rel=1e-4)


def test_the_knee_is_where_clusters_end_and_a_line_has_none(blobs):
    rows = list(statistics_by_k(KMeans(n_init=5), blobs, range(1, 11), sample=100, seed=0))
    assert knee([row["k"] for row in rows], [row["inertia"] for row in rows]) == 4
    assert knee([1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0]) is None


@pytest.mark.parametrize(("cluster", "curve"), [("kmeans", "inertia"), ("gmm", "bic")])
def test_an_elbow_of_a_runs_latents(cluster, curve, command_line, finished, tmp_path):
    typed = (f"run={finished.directory}", f"cluster={cluster}", "k_max=4", "hydra.run.dir=made")
    answer = command_line("elbow", *typed)
    assert answer.status == 0 and "kneed" in answer.out, answer.err
    rows = rows_of(tmp_path / "made" / "elbow.csv")
    assert [row["k"] for row in rows] == [1, 2, 3, 4] and rows[0][curve] > rows[3][curve]
    assert (tmp_path / "made" / "elbow.png").read_bytes().startswith(b"\x89PNG")


def test_an_elbow_of_a_run_on_all_images_and_of_none(command_line, run):
    latents = np.load(run / "latents.npz")
    np.savez(run / "latents.npz", all=latents["test"])
    sign(run)
    assert command_line("elbow", "run=run", "k_max=3").status == 0
    (run / "latents.npz").unlink()
    sign(run)
    assert "run=run has no latents of its own" in command_line("elbow", "run=run").err
    (run / "status.json").write_text('{"format": 2, "status": "stopped"}')
    assert "run=run is no finished run" in command_line("elbow", "run=run").err


def test_an_elbow_of_pixels(command_line, tmp_path):
    answer = command_line("elbow", "data=digits", "k_max=3", "hydra.run.dir=made")
    assert answer.status == 0, answer.err
    assert len(rows_of(tmp_path / "made" / "elbow.csv")) == 3


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("threads=0", "threads=0 is too small"),
        ("k_max=1", "k_max=1 is too small: type k_max= with a whole number from 2 on."),
        ("run=nowhere", "run=nowhere is no finished run"),
        ("cluster=[kmeans,gmm]", "an elbow is of one clusterer: type cluster=kmeans"),
        ("kmax=5", "kmax is unknown: type k_max."),
    ],
)
def test_a_mistake_is_one_line(mistake, message, command_line):
    answer = command_line("elbow", "data=digits", mistake)
    assert answer.status == 2 and message in answer.err and answer.err.count("\n") == 1
