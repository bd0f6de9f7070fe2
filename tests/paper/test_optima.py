"""The local optima of k-means, and the paper's among them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer
from layout import rows_of
from sklearn.cluster import KMeans

from fmclust.clustering import Start, distinct_optima, fit_from_starts
from fmclust.data import FashionMNIST
from fmclust.paper.numbers import PIXELS_CONFUSION, PIXELS_SSE
from fmclust.paper.optima import compared_with_the_paper


def test_starts_that_end_alike_are_one_optimum() -> None:
    # The corners of a rectangle, with two clusters: left and right, or worse, top and bottom.
    latents = np.array([[0, 0], [0, 2], [3, 0], [3, 2]], np.float32).repeat(5, 0)
    ways = {"random": KMeans(2, init="random", n_init=1)}
    found = distinct_optima(list(fit_from_starts(ways, latents, range(30))))
    assert [group[0].inertia for group in found] == pytest.approx([20.0, 45.0])
    assert sum(map(len, found)) == 30 and {start.seed for start in found[0]} <= set(range(30))


def test_a_table_of_digits(command_line: Callable[..., Answer], tmp_path: Path) -> None:
    typed = ("data=digits", "starts=4", "n_clusters=3", "hydra.run.dir=made")
    answer = command_line("optima", *typed)
    assert answer.status == 0, answer.err
    starts = rows_of(tmp_path / "made" / "starts.csv")
    assert len(starts) == 8 and {start["way"] for start in starts} == {"k-means++", "random"}
    inertias = [float(start["sse"]) for start in starts]
    assert inertias == sorted(inertias) and all(0 < float(s["accuracy"]) < 1 for s in starts)
    assert "| 4 random |" in answer.out and "accuracy at the lowest SSE" in answer.out
    assert "| optimum | SSE | accuracy | k-means++ finds it | random finds it |" in answer.out


def test_the_papers_own_solution_is_recognized() -> None:
    counts = np.array(PIXELS_CONFUSION)
    classes, clusters = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1)
    found = [[Start("random", 3, PIXELS_SSE * 0.99, 9, clusters[::-1].copy())]]
    found += [[Start("random", 7, PIXELS_SSE, 9, (clusters + 1) % 10)]]  # other ids
    text = compared_with_the_paper(found, classes)
    assert "optimum 2 (random, seed 7)" in text and "accuracy 0.53986;" in text
    assert "at most 0 of 70,000 images" in text


@pytest.mark.real
def test_the_papers_solution_is_among_the_local_optima() -> None:
    data = FashionMNIST(split="all")
    images, labels = data.splits["all"].images, data.splits["all"].labels
    assert labels is not None
    classes = labels.numpy()
    pixels = (images.float() / 255).flatten(1).numpy()
    ways = {"k-means++": KMeans(10, n_init=1, tol=0, algorithm="elkan")}  # the same, and sooner
    (start,) = fit_from_starts(ways, pixels.astype(np.float64), [23])
    assert start.inertia == pytest.approx(PIXELS_SSE, rel=1e-5)
    text = compared_with_the_paper([[start]], classes)
    pattern = r"accuracy ([\d.]+); .* at most (\d+) of .* by ([\d.]+) on average"
    accuracy, most, mean = map(float, re.findall(pattern, text)[0])
    assert abs(accuracy - 0.5398571) < 5e-4 and most <= 10 and mean <= 2


@pytest.mark.parametrize(
    ("mistake", "named"), [("starts=0", "from 1"), ("run=nowhere", "not a run directory")]
)
def test_a_mistake_is_one_line(
    mistake: str, named: str, command_line: Callable[..., Answer]
) -> None:
    answer = command_line("optima", mistake)
    assert answer.refuses(mistake, named), answer.err


def test_more_clusters_than_images_are_refused(command_line: Callable[..., Answer]) -> None:
    answer = command_line("optima", "data=digits", "n_clusters=5000")
    assert answer.refuses("n_clusters=5000", "with at most 1437"), answer.err
