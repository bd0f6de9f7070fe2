"""Clusterers that only cluster what they are fitted to, and what is saved of all of them."""

import importlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import beside_others, composed, options_of
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, AgglomerativeClustering, Birch, KMeans
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from fmclust.clustering import (
    NOISE,
    GraphAgglomerative,
    InductiveClusterer,
    cluster,
    load_clusterer,
    pipeline,
    require_fittable,
    save_clusterer,
    separation,
    takes_prototypes,
    with_prototypes,
)
from fmclust.errors import UserError
from fmclust.trust import build

Floats = NDArray[np.float32]
# Those of Spark are fitted to tables: tests/spark.
OPTIONS = [beside_others([n]) for n in options_of("cluster") if not n.startswith("spark_")]


def groups(clusters: NDArray[np.int64]) -> list[set[int]]:
    return [set(part.tolist()) for part in np.split(clusters, 4)]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_clusterer_finds_what_is_plain_and_is_the_same_after_reading_it(
    options: tuple[str], blobs: Floats, tmp_path: Path
) -> None:
    (option,) = options
    config = composed(f"cluster={option}", "n_clusters=4").cluster[option]
    if option == "hdbscan":
        config.estimator.min_cluster_size = 20
    estimator = build(config, BaseEstimator)
    if takes_prototypes(estimator):  # those of an encoder, whose latents have mean 0
        blobs = blobs - blobs.mean(axis=0)
        centres = blobs.reshape(4, 60, 3).mean(axis=1)
        estimator = with_prototypes(estimator, centres, np.zeros(4), 0.05)
    made = cluster(estimator, {"train": blobs, "test": blobs[::7]}, "train")
    found = groups(made.clusters["train"])
    assert all(len(ids) == 1 for ids in found)
    assert len(set.union(*found)) == 4
    path = tmp_path / "it.skops"
    save_clusterer(path, made.estimator)
    read = load_clusterer(path)
    np.testing.assert_array_equal(read.predict(blobs[::7]), made.clusters["test"])
    assert "KDTree" not in zipfile.ZipFile(path).read("schema.json").decode()


def test_an_estimator_that_no_file_can_hold_is_refused(blobs: Floats, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Birch"):
        save_clusterer(tmp_path / "it.skops", Birch(n_clusters=4).fit(blobs))


def test_an_estimator_of_ones_own_is_read_where_the_environment_trusts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from sklearn.cluster import KMeans\nclass Own(KMeans): ...\n"
    (tmp_path / "of_ones_own.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("of_ones_own").Own(2)
    save_clusterer(tmp_path / "it.skops", own.fit(np.eye(4)))
    with pytest.raises(UserError, match=r"of_ones_own\.Own"):
        load_clusterer(tmp_path / "it.skops")
    monkeypatch.setenv("FMCLUST_TRUST", "of_ones_own")
    assert type(load_clusterer(tmp_path / "it.skops")).__name__ == "Own"


def test_what_is_beyond_the_sample_is_propagated_and_marked(blobs: Floats) -> None:
    clusterer = InductiveClusterer(estimator=AgglomerativeClustering(4), sample=100, random_state=0)
    made = cluster(clusterer, {"train": blobs, "test": blobs[:9]}, "train")
    assert all(len(ids) == 1 for ids in groups(made.clusters["train"]))
    assert made.propagated["train"].sum() == 140
    assert made.propagated["test"].all()
    rows = made.estimator.rows_
    np.testing.assert_array_equal(~made.propagated["train"], np.isin(np.arange(240), rows))
    np.testing.assert_array_equal(made.clusters["train"][rows], made.estimator.labels_)
    assert made.n_clusters == 4


def test_other_latents_take_the_cluster_of_most_of_their_neighbours() -> None:
    fitted = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]], np.float32)
    clusterer = InductiveClusterer(estimator=AgglomerativeClustering(2), n_neighbors=3).fit(fitted)
    left, right = clusterer.labels_[[0, 3]]
    found = clusterer.predict(np.array([[1.0], [4.0], [9.0]], np.float32))
    assert found.tolist() == [left, right, right]


def test_noise_is_cluster_minus_one_and_no_empty_cluster(blobs: Floats) -> None:
    alone = np.vstack([blobs, [[-90.0, -90.0, -90.0]]]).astype(np.float32)
    made = cluster(InductiveClusterer(estimator=DBSCAN(eps=5)), {"train": alone}, "train")
    assert made.clusters["train"][-1] == NOISE
    assert (made.clusters["train"][:-1] >= 0).all()
    assert made.n_clusters == 4
    assert made.statistics["empty_clusters"] == 0


def test_all_noise_is_no_cluster_at_all(blobs: Floats) -> None:
    made = cluster(InductiveClusterer(estimator=DBSCAN(eps=1e-6)), {"train": blobs}, "train")
    assert made.n_clusters == 0
    assert "silhouette" not in made.statistics
    assert made.warnings == ["no cluster: all 240 latents of train are noise"]


@pytest.mark.filterwarnings("ignore:the number of connected components:UserWarning")
@parametrize_with_checks(  # type: ignore[untyped-decorator]  # scikit-learn has no types
    [
        InductiveClusterer(estimator=KMeans(2, n_init=1, random_state=0)),
        InductiveClusterer(estimator=AgglomerativeClustering(2)),
        GraphAgglomerative(n_clusters=2),
    ]
)
def test_scikit_learns_own_checks_pass(
    estimator: BaseEstimator, check: Callable[[BaseEstimator], Any]
) -> None:
    check(estimator)


def test_bad_parameters_are_named_before_anything_is_fitted() -> None:
    inner = pipeline(a=AgglomerativeClustering(n_clusters=0))
    for clusterer, text in (
        (InductiveClusterer(estimator=inner), "n_clusters"),
        (InductiveClusterer(estimator=inner, sample=1), "sample"),
        (InductiveClusterer(estimator=KMeans(), n_neighbors=0), "n_neighbors"),
        (GraphAgglomerative(n_clusters=0), "n_clusters"),
        (GraphAgglomerative(n_neighbors=0), "n_neighbors"),
        (pipeline(a=PCA(n_components="all"), b=KMeans()), "n_components"),
        (KMeans(init="kmeans"), "init"),
        (GraphAgglomerative(linkage="wrad"), "linkage"),
    ):
        with pytest.raises(UserError, match=f"cluster.it: .*{text}"):
            require_fittable({"it": clusterer}, 100)
    with pytest.raises(UserError, match="9 clusters .* 5 images"):
        require_fittable({"it": InductiveClusterer(estimator=GraphAgglomerative(n_clusters=9))}, 5)


def test_clusters_far_apart_score_better_than_random_ones(blobs: Floats) -> None:
    good = separation(blobs, np.arange(4).repeat(60))
    bad = separation(blobs, np.arange(240) % 4)
    assert good["silhouette"] > 0.9 > bad["silhouette"]
    assert good["davies_bouldin"] < bad["davies_bouldin"]
    assert good["calinski_harabasz"] > bad["calinski_harabasz"]
    assert separation(blobs, np.zeros(240, int)) == {}
