"""Neighbours and least sizes of clusters follow the number of latents, unless they are typed."""

import pytest
from conftest import beside_others, composed
from sklearn.base import BaseEstimator
from sklearn.cluster import HDBSCAN

from fmclust.clustering import InductiveClusterer, pipeline, require_fittable, sized_parameters
from fmclust.errors import UserError
from fmclust.trust import build

VOTERS, GRAPH = "n_neighbors", "estimator__n_neighbors"
LEAST, DENSE = "estimator__min_cluster_size", "estimator__min_samples"
UMAP = "estimator__umap__n_neighbors"


def clusterer(option: str, *typed: str) -> BaseEstimator:
    return build(composed(f"cluster={option}", *typed).cluster[option], BaseEstimator)


@pytest.mark.parametrize(
    ("n", "neighbours", "least"),
    [(60_000, 10, 100), (10**7, 10, 100), (1437, 7, 14), (240, 5, 5), (20, 3, 5), (3, 2, 3)],
)
def test_sizes_follow_the_number_of_latents(n: int, neighbours: int, least: int) -> None:
    assert sized_parameters(clusterer("spectral"), n) == {VOTERS: neighbours, GRAPH: neighbours}
    assert sized_parameters(clusterer("agglomerative"), n)[GRAPH] == neighbours
    found = sized_parameters(clusterer("hdbscan"), n)
    assert (found[VOTERS], found[LEAST]) == (neighbours, least)
    assert found[DENSE] == (neighbours if n > 3 else 3)


@pytest.mark.parametrize("options", [beside_others(["umap_gmm"])])
def test_umap_takes_twice_as_many_neighbours(options: list[str]) -> None:
    (option,) = options
    assert sized_parameters(clusterer(option), 60_000) == {VOTERS: 10, UMAP: 20}
    assert sized_parameters(clusterer(option), 5) == {VOTERS: 3, UMAP: 4}


def test_a_sample_counts_and_what_is_typed_stays() -> None:
    sampled = clusterer("hdbscan", "cluster.hdbscan.sample=240", "cluster.hdbscan.n_neighbors=7")
    assert sized_parameters(sampled, 60_000) == {LEAST: 5, DENSE: 5}
    assert sized_parameters(clusterer("gmm"), 240) == {}
    inner = InductiveClusterer(estimator=HDBSCAN(copy=True), n_neighbors=3)
    whole = pipeline(last=inner)
    assert sized_parameters(whole, 240) == {"last__estimator__min_samples": 5}


@pytest.mark.parametrize(
    ("option", "key", "most"),
    [
        ("spectral", "estimator.n_neighbors", 99),
        ("agglomerative", "estimator.n_neighbors", 99),
        ("hdbscan", "n_neighbors", 99),
        ("hdbscan", "estimator.min_cluster_size", 100),
        ("hdbscan", "estimator.min_samples", 100),
    ],
)
def test_more_than_the_images_are_refused(option: str, key: str, most: int) -> None:
    path = f"cluster.{option}.{key}"

    def check(value: str, *typed: str) -> None:
        made = clusterer(option, "n_clusters=5", f"{path}={value}", *typed)
        made.set_params(**sized_parameters(made, 100))
        require_fittable({option: made}, 100)

    check(str(most))
    check("null")
    with pytest.raises(UserError, match=rf"{path}=101 .*{path}= with at most {most}\."):
        check("101")
    with pytest.raises(UserError, match=rf"at most {most - 80}\."):
        check(str(most), f"cluster.{option}.sample=20")


def test_more_clusters_than_the_sample_are_refused() -> None:
    made = clusterer("agglomerative", "n_clusters=30", "cluster.agglomerative.sample=20")
    with pytest.raises(UserError, match="30 clusters .* 20 images"):
        require_fittable({"agglomerative": made}, 1000)
