"""Scores against brute force and against the paper's printed matrices (sections 5.1-5.3)."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from fmclust.metrics import Confusion, confusion_of
from fmclust.metrics import score as scores
from fmclust.metrics.torch import ClusterAccuracy, MatchedConfusion

KMEANS_LATENTS = """284 0 6 51 5 0 137 0 10 0 0 429 2 54 7 0 26 0 1 0 13 0 164 3 130 0 159 0 10 0
8 18 0 334 10 0 129 0 1 0 1 1 125 47 229 0 73 0 3 0 0 0 0 0 0 121 31 261 1 101
62 0 87 48 89 0 206 0 26 0 0 0 0 0 0 1 0 408 1 90 0 0 8 5 5 0 93 6 356 1
0 0 2 0 1 211 0 11 1 297"""
GMM_LATENTS = """285 1 0 54 4 1 139 0 9 0 0 433 0 48 7 1 29 0 1 0 25 0 0 6 273 0 162 0 13 0
3 80 0 274 7 0 135 0 1 0 2 1 0 63 331 0 78 0 4 0 0 0 27 0 0 368 6 87 1 26
58 2 0 52 171 2 208 0 25 0 0 0 1 0 0 41 0 380 1 77 1 0 0 3 10 17 87 4 352 0
0 0 182 0 1 19 1 12 1 307"""
KMEANS_PIXELS = """4001 199 208 23 47 508 1977 3 34 0 285 6298 30 2 55 148 182 0 0 0
98 12 2168 23 2178 473 2020 1 27 0 1987 3636 20 5 66 487 787 0 11 1
817 173 1096 15 3561 230 1077 0 31 0 3 1 0 13 0 4680 58 1672 12 561
1224 61 1071 56 1404 729 2428 6 19 2 0 0 0 6 0 724 1 5929 0 340
24 24 346 2508 45 496 379 333 2837 8 8 3 2 7 11 235 69 777 5 5883"""


def samples(counts: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    classes, clusters = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1)
    return torch.from_numpy(clusters), torch.from_numpy(classes)


def score(metric: Metric, clusters: Tensor, classes: Tensor) -> Tensor:
    metric.update(clusters, classes)
    found: Tensor = metric.compute()
    return found


@pytest.mark.parametrize(
    ("printed", "accuracy"),
    [(KMEANS_PIXELS, 0.5398571428571428), (KMEANS_LATENTS, 0.5656), (GMM_LATENTS, 0.5876)],
)
def test_the_papers_matrices_give_its_accuracies(printed: str, accuracy: float) -> None:
    counts = np.array(printed.split(), dtype=int).reshape(10, 10)
    assert float(score(ClusterAccuracy(10, 10), *samples(counts))) == pytest.approx(
        accuracy, abs=1e-12
    )


ids = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(ids)
def test_brute_force_over_all_permutations_agrees(pairs: list[tuple[int, int]]) -> None:
    clusters, classes = torch.tensor(pairs).T
    best = max(
        (torch.tensor(p)[clusters] == classes).double().mean().item()
        for p in permutations(range(4))
    )
    assert float(score(ClusterAccuracy(4, 4), clusters, classes)) == pytest.approx(best)


@given(ids, st.permutations(range(4)))
def test_relabelling_clusters_changes_no_score(
    pairs: list[tuple[int, int]], renamed: list[int]
) -> None:
    clusters, classes = torch.tensor(pairs).T
    other = torch.tensor(renamed)[clusters]
    assert score(ClusterAccuracy(4, 4), clusters, classes) == score(
        ClusterAccuracy(4, 4), other, classes
    )


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_rectangular_confusion_keeps_every_sample(shape: tuple[int, int]) -> None:
    counts = np.random.default_rng(0).integers(1, 9, shape)
    matched = score(MatchedConfusion(*shape), *samples(counts)).numpy()
    assert matched.shape == (shape[0], max(shape))
    assert matched.sum() == counts.sum()
    accuracy = float(score(ClusterAccuracy(*shape), *samples(counts)))
    assert np.trace(matched[:, : shape[0]]) / counts.sum() == pytest.approx(accuracy)


def test_an_id_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"cluster id is outside -1\.\.9"):
        ClusterAccuracy(10, 10).update(torch.tensor([10]), torch.tensor([0]))


def test_images_without_a_label_are_not_counted() -> None:
    clusters, classes = np.array([1, 1, 0, -1, 0]), np.array([0, -1, 1, -1, -1])
    found = confusion_of(clusters, classes, n_clusters=2, n_classes=2)
    assert found.matched.tolist() == [[1, 0], [0, 1]] and not found.has_noise
    sizes = {"n_clusters": 2, "n_classes": 2}
    labelled = classes >= 0
    assert scores(clusters, classes, **sizes) == scores(
        clusters[labelled], classes[labelled], **sizes
    )


def test_the_largest_confusions_are_between_classes() -> None:
    raw = np.array([[9, 3, 0], [2, 8, 5], [0, 0, 7]])
    found = Confusion(raw, 3, {0: 0, 1: 1, 2: 2})
    assert found.largest(2) == [(1, 2, 5), (0, 1, 3)]
    assert found.largest(9) == [(1, 2, 5), (0, 1, 3), (1, 0, 2)], "those of no image are left out"
    few = Confusion(np.array([[4, 0], [3, 2], [1, 6]]), 2, {0: 0, 1: 2})
    assert few.largest(9) == [(1, 0, 3), (1, 2, 2), (2, 0, 1)], "a class may have no cluster"
