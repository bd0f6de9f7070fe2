"""Figures from arrays: what is drawn, and that nothing of the reader's is cut off."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fmclust.plots import (
    Plane,
    draw_confusion,
    draw_elbow,
    draw_losses,
    draw_named_images,
    draw_outlines,
    draw_rows,
    draw_sweep,
)


def pixels(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=40, format="png", bbox_inches="tight")
    return np.asarray(Image.open(buffer).convert("L"))


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_a_confusion_matrix_shows_every_count_and_shades_by_class():
    counts = np.array([[90, 10], [3, 1], [0, 0]])
    figure = draw_confusion(counts, list("abc"), title="t", cluster_names=["0", "1"])
    assert texts(figure) == {"90", "10", "3", "1", "0"}
    (image,) = figure.axes[0].images
    np.testing.assert_allclose(image.get_array()[:2], [[0.9, 0.1], [0.75, 0.25]])
    assert not image.get_array()[2].any(), "a class without images has no share"


def test_many_cells_have_no_numbers():
    counts = np.ones((40, 40), int)
    figure = draw_confusion(counts, ["a"] * 40, title="t", cluster_names=["0"] * 40)
    assert texts(figure) == set()


def test_rows_of_images_are_put_side_by_side():
    rows = [np.full((3, 4, 5), 200, np.uint8), np.full((1, 4, 5), 100, np.uint8)]
    figure = draw_rows(rows, ["first", "second"], title="t", inches=1.0)
    (image,) = figure.axes[0].images
    canvas = np.asarray(image.get_array())
    assert canvas.shape == (8, 15)
    assert (canvas[:4] == 200).all() and (canvas[4:, :5] == 100).all() and not canvas[4:, 5:].any()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["first", "second"]


def test_named_images_have_their_names_below():
    images = np.zeros((5, 8, 8), np.uint8)
    figure = draw_named_images(images, list("abcde"), n_columns=3, title="t")
    assert texts(figure) == set("abcde")


def test_an_elbow_marks_the_knee_and_what_the_paper_reads_off():
    rows = [{"k": k, "inertia": 100 / k, "silhouette": 0.1 * k} for k in range(1, 6)]
    figure = draw_elbow(rows, title="t", knee=3, paper=(2, 4))
    first, second = figure.axes
    labels = {text.get_text() for text in first.get_legend().get_texts()}
    assert labels == {"knee by kneed: 3", "read off in the paper"}
    assert second.get_legend() is None
    np.testing.assert_allclose(first.get_lines()[0].get_ydata(), [100, 50, 100 / 3, 25, 20])


def test_losses_are_drawn_against_epochs():
    figure = draw_losses({"loss/train": [3.0, 2.0], "loss/val": [4.0, 3.0]}, "cross entropy")
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].get_lines()}
    assert lines == {"loss/train": [[1, 3], [2, 2]], "loss/val": [[1, 4], [2, 3]]}
    assert figure.axes[0].get_ylabel() == "cross entropy"


def test_an_outline_is_the_ellipse_of_its_matrix():
    outlines = np.array([np.diag([9.0, 1.0]), np.eye(2)])
    points = np.array([[0.0, 0.0], [5.0, 5.0]])
    plane = Plane("t", ("x", "y"), points, np.array([0, 1]), points, outlines)
    figure = draw_outlines([[plane]], title="t")
    wide, round_ = figure.axes[0].patches
    assert sorted((wide.width, wide.height)) == pytest.approx([2, 6])
    assert (round_.width, round_.height) == pytest.approx((2, 2))


def test_a_sweep_has_a_panel_for_every_score_and_sorts_numbers():
    line = {"panel": "accuracy", "line": "gmm", "split": "test", "std": 0.1, "count": 3}
    points = pd.DataFrame([{**line, "x": "10", "mean": 0.6}, {**line, "x": "9", "mean": 0.5}])
    figure = draw_sweep(points, "epochs")
    drawn = figure.axes[0].get_lines()[0]
    assert drawn.get_xdata().tolist() == [9, 10] and drawn.get_ydata().tolist() == [0.5, 0.6]
    assert figure.axes[0].get_title() == "accuracy" and pixels(figure).std() > 0
