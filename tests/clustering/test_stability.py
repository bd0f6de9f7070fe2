"""n_clusters=auto: the choice itself, and runs that make it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SMALL, Answer, composed
from layout import rows_of, status_of, unexpected_and_missing
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import Normalizer

from fmclust.clustering import (
    agreement_by_k,
    most_stable,
    numbers_to_try,
    pipeline,
    sample_for,
    stability,
)
from fmclust.estimator import ImageClusterer
from fmclust.inference import load_run
from fmclust.jobs.run import resume_job, run_job
from fmclust.runs import read_clusterings, read_config

K = 7
PIXELS = ("data=arrays", "data.root=images.npy", "model=pixels", "trainer=cpu")


def pictures() -> NDArray[np.uint8]:
    """Return 420 noisy images of seven kinds, in random order."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 200, (K, 28, 28))
    return (kinds[rng.permutation(60 * K) % K] + rng.integers(0, 50, (60 * K, 28, 28))).astype(
        np.uint8
    )


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of images in the folder where the commands are typed."""
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", pictures())
    return tmp_path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try few numbers, which takes less time."""
    monkeypatch.setattr(stability, "MAX_CLUSTERS", 9)


def test_the_number_of_separated_clusters_is_found(blobs: NDArray[np.float32]) -> None:
    latents = sample_for(KMeans(), blobs, seed=0)
    rows = list(agreement_by_k(latents, range(2, 9), seed=0))
    assert [row["k"] for row in rows] == [2, 3, 4, 5, 6, 7, 8]
    best = most_stable(rows)
    assert best["k"] == 4 and best["agreement"] == 1 and best["sd"] == 0
    assert rows == list(agreement_by_k(latents, range(2, 9), seed=0))
    assert rows != list(agreement_by_k(latents, range(2, 9), seed=1))


def test_noise_has_no_stable_clusters() -> None:
    noise = np.random.default_rng(0).normal(size=(300, 5))
    assert all(row["agreement"] < 0.8 for row in agreement_by_k(noise, (2, 5, 9), seed=0))


def test_of_equal_agreements_the_largest_number_counts() -> None:
    def chosen(*agreements: float) -> float:
        return most_stable([{"k": k, "agreement": a} for k, a in enumerate(agreements, 2)])["k"]

    assert chosen(1.0, 0.7, 0.99, 0.9) == 4
    assert chosen(1.0, 0.7, 0.97, 0.9) == 2
    assert chosen(0.5) == 2


def test_numbers_follow_the_number_of_different_latents() -> None:
    rng = np.random.default_rng(0)
    assert numbers_to_try(rng.normal(size=(3000, 2)), 3000) == range(2, 51)
    assert numbers_to_try(rng.normal(size=(40, 2)), 40) == range(2, 11)
    assert numbers_to_try(rng.normal(size=(400, 2)), 8) == range(2, 9)
    assert numbers_to_try(np.repeat(np.eye(3), 50, axis=0), 150) == range(2, 4)
    for latents in (rng.normal(size=(4, 2)), np.zeros((40, 2))):
        numbers = numbers_to_try(latents, 40)
        assert numbers == range(2, 3)
        assert len(list(agreement_by_k(latents, numbers, seed=0))) == 1


def test_latents_are_seen_as_the_clusterer_sees_them() -> None:
    latents = np.random.default_rng(0).normal(size=(5000, 4)).astype(np.float32) * [1, 2, 3, 9]
    plain = sample_for(KMeans(), latents.astype(np.float32), seed=0)
    assert plain.shape == (stability.MAX_SAMPLE, 4) and plain.dtype == np.float64
    white = pipeline(whiten=PCA(whiten=True), unit=Normalizer(), kmeans=KMeans())
    seen = sample_for(white, latents, seed=0)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(1)
    wide = np.random.default_rng(0).normal(size=(200, 500))
    assert sample_for(KMeans(), wide, seed=0).shape == (200, stability.MAX_AXES)


@pytest.mark.usefixtures("few")
def test_a_run_writes_the_number_and_the_curve(
    images: Path, command_line: Callable[..., Answer]
) -> None:
    typed = ("cluster=[spherical_kmeans,gmm,hdbscan]", "n_clusters=auto", "hydra.run.dir=run")
    answer = command_line("train", *PIXELS, *typed, "cluster.gmm.covariance_type=diag")
    assert answer.status == 0, answer.err
    assert answer.out.count(f"n_clusters=auto: {K}, an estimate") == 1
    run = images / "run"
    rows = rows_of(run / "n_clusters.csv")
    assert [row["k"] for row in rows] == [*map(str, range(2, 10))]
    assert float(rows[K - 2]["agreement"]) > 0.95 > float(rows[K]["agreement"])
    config = read_config(run)
    assert config.n_clusters == config.cluster.gmm.n_components == K
    assert config.cluster.spherical_kmeans.kmeans.n_clusters == K
    assert config.cluster.hdbscan.estimator.algorithm == "auto"
    assert read_clusterings(run)["gmm"]["n_clusters"] == K
    assert status_of(run)["estimate"]["n_clusters"] == K
    page = (run / "report.html").read_text()
    assert f"chose {K}, an estimate" in page and "agreement of halves" in page
    assert (run / "figures" / "n_clusters.png").exists()
    kinds = {"drawn", "estimated", "chosen"}
    assert unexpected_and_missing(run, kinds)[0] == []
    answer = command_line("cluster", "run=run", "cluster=kmeans", "name=again", "n_clusters=auto")
    assert answer.status == 0 and "an estimate" in answer.out, answer.err
    assert read_config(run / "clusterings" / "again").n_clusters == K
    assert command_line("report", "runs=run").status == 0
    assert "again: <code>n_clusters=auto</code>" in (run / "report.html").read_text()
    with (run / "n_clusters.csv").open("a") as file:
        file.write("99,1,0\n")
    answer = command_line("report", "runs=run")
    assert answer.refuses("n_clusters.csv is damaged"), answer.err


@pytest.mark.usefixtures("few", "images")
def test_what_follows_no_number_is_not_affected(command_line: Callable[..., Answer]) -> None:
    typed = (*PIXELS, "n_clusters=auto", "figures=false")
    assert command_line("train", *typed, "cluster=hdbscan", "hydra.run.dir=run").status == 0
    assert not Path("run/n_clusters.csv").exists()
    assert read_config(Path("run")).n_clusters == "auto"
    assert command_line("cluster", "run=run", "cluster=kmeans").status == 0
    assert read_config(Path("run/clusterings/kmeans")).cluster.kmeans.n_clusters == K


@pytest.mark.usefixtures("images")
def test_mistakes_are_found_before_the_choice(command_line: Callable[..., Answer]) -> None:
    typed = (*PIXELS, "n_clusters=auto", "hydra.run.dir=run")
    assert command_line("train", *typed, "cluster.gmm.tol=-1").refuses("cluster.gmm", "tol")
    answer = command_line("train", *PIXELS, "n_clusters=atuo")
    assert answer.refuses("n_clusters=atuo", "whole number")
    given = ("cluster=balanced_kmeans", "cluster.balanced_kmeans.balanced.sizes=[1,2,3]")
    answer = command_line("train", *PIXELS, "n_clusters=auto", *given)
    assert answer.refuses("balanced_kmeans.balanced.sizes", "type n_clusters=3")
    learned = ("model=contrastive", "model.self_labelling_epochs=1", "cluster=prototypes")
    answer = command_line("train", *PIXELS, "n_clusters=auto", *learned)
    assert answer.refuses("n_clusters=auto", "type n_clusters=")


@pytest.mark.usefixtures("few")
def test_a_run_that_was_stopped_before_the_choice_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [*SMALL, "cluster=kmeans", "n_clusters=auto"]
    run_job(composed(*typed), tmp_path / "whole", typed)
    found = read_config(tmp_path / "whole").n_clusters
    assert isinstance(found, int)

    def stopping(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("fmclust.jobs.number.most_stable", stopping)
        run_job(composed(*typed), tmp_path / "run", typed)
    assert read_config(tmp_path / "run").cluster.kmeans.n_clusters == "auto"
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    resume_job(tmp_path / "run")
    config = read_config(tmp_path / "run")
    assert config.n_clusters == config.cluster.kmeans.n_clusters == found
    assert load_run(tmp_path / "run").clusterers == ("kmeans",)
    other = composed("cluster=kmeans", "n_clusters=5").cluster
    resume_job(tmp_path / "other", {"n_clusters": 5, "cluster": other})
    assert read_clusterings(tmp_path / "other")["kmeans"]["n_clusters"] == 5


@pytest.mark.usefixtures("few", "images")
def test_a_sweep_over_the_number(command_line: Callable[..., Answer]) -> None:
    typed = (*PIXELS, "cluster=kmeans", "figures=false", "hydra.sweep.dir=sweep")
    answer = command_line("train", "-m", *typed, "n_clusters=3,auto")
    assert answer.status == 0, answer.err
    assert [read_config(Path("sweep", job)).n_clusters for job in "01"] == [3, K]


@pytest.mark.usefixtures("few")
def test_from_python() -> None:
    clusterer = ImageClusterer(n_clusters="auto", model="pixels", cluster="kmeans", verbose=False)
    labels = clusterer.fit_predict(pictures())
    assert len(set(labels.tolist())) == clusterer.run_.config.n_clusters == K
