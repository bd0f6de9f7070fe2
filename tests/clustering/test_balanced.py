"""Clusters of given sizes on the unit sphere."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize
from sklearn.utils.estimator_checks import estimator_checks_generator

from fmclust.clustering import BalancedKMeans, PrototypeClusterer
from fmclust.clustering.balanced import balancing_offsets

Floats = NDArray[np.floating]


def directions(sizes: list[int], spread: float = 0.35) -> tuple[Floats, NDArray[np.int64]]:
    """Return points around orthogonal directions, and the direction of each."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return normalize(np.eye(8)[labels] + rng.normal(0, spread, (len(labels), 8))), labels


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(BalancedKMeans(n_init=2))),
    ids=lambda value: getattr(getattr(value, "func", value), "__name__", ""),
)
def test_scikit_learns_checks_pass(estimator: BalancedKMeans, check: object) -> None:
    assert callable(check)
    check(estimator)


def test_clusters_get_equal_shares() -> None:
    points, labels = directions([150, 150, 150, 150], spread=0.25)
    fitted = BalancedKMeans(n_clusters=4, random_state=0).fit(points)
    assert np.bincount(fitted.labels_).tolist() == pytest.approx([150] * 4, abs=15)
    assert adjusted_rand_score(labels, fitted.labels_) > 0.9
    assert fitted.predict_proba(points).mean(axis=0) == pytest.approx(0.25, abs=0.01)
    assert np.array_equal(fitted.predict(points), fitted.labels_)


def test_the_result_hardly_depends_on_the_seed() -> None:
    points, _ = directions([200] * 5, spread=0.5)
    first, *others = (
        BalancedKMeans(n_clusters=5, random_state=seed).fit_predict(points) for seed in range(4)
    )
    assert min(adjusted_rand_score(first, other) for other in others) > 0.97


@pytest.mark.parametrize("sizes", [[5, 3, 2], [2, 5, 3], [3, 2, 5]])
@pytest.mark.parametrize("seed", range(3))
def test_the_largest_size_goes_to_the_largest_cluster_in_any_order(
    sizes: list[int], seed: int
) -> None:
    points, labels = directions([500, 300, 200], spread=0.15)
    fitted = BalancedKMeans(n_clusters=3, sizes=sizes, random_state=seed).fit(points)
    assert adjusted_rand_score(labels, fitted.labels_) == 1
    assert np.bincount(fitted.labels_).tolist() == [100 * size for size in sizes]


def test_sizes_may_be_given_as_proportions() -> None:
    points, labels = directions([300, 100])
    sizes = [3, 1]
    fitted = BalancedKMeans(n_clusters=2, sizes=sizes, random_state=0).fit(points)
    assert np.sort(np.bincount(fitted.labels_)).tolist() == pytest.approx([100, 300], abs=15)
    equal = BalancedKMeans(n_clusters=2, random_state=0).fit(points)
    assert adjusted_rand_score(labels, fitted.labels_) > adjusted_rand_score(labels, equal.labels_)


def test_offsets_give_every_cluster_its_share() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (500, 3)) + np.array([4, 0, 0])
    shares = np.array([0.2, 0.3, 0.5])
    offsets = balancing_offsets(logits, shares, np.zeros(3))
    weights = np.exp(logits + offsets)
    found = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
    assert found == pytest.approx(shares, abs=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0},
        {"sizes": [1, 2]},
        {"sizes": [1, 2, -1]},
        {"n_clusters": 0},
        {"n_clusters": 2.5},
        {"n_init": 0},
        {"max_iter": 0},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BalancedKMeans(n_clusters=3).set_params(**wrong).fit(directions([9, 9, 9])[0])


def test_prototypes_assign_by_similarity_and_offset() -> None:
    points, labels = directions([60, 60, 60], spread=0.1)
    fitted = PrototypeClusterer(centres=5 * np.eye(3, 8)).fit(points)
    assert np.array_equal(fitted.labels_, labels)
    far = PrototypeClusterer(centres=np.eye(3, 8), offsets=np.array([100.0, 0, 0])).fit(points)
    assert not far.labels_.any()
    with pytest.raises(ValueError, match="no prototypes"):
        PrototypeClusterer().fit(points)
    kmeans = KMeans(3, n_init=3, random_state=0).fit(points)
    assert adjusted_rand_score(kmeans.labels_, fitted.labels_) == 1
