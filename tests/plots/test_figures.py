"""Figures from arrays: what is drawn, and that nothing of the reader's is cut off."""

import io
import warnings
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.text import Text
from numpy.typing import NDArray
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
    save,
)
from fmclust.plots.text import shortened


def pixels(figure: Figure) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=40, format="png", bbox_inches="tight")
    return np.asarray(Image.open(buffer).convert("L"))


def line_points(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_xydata(), np.float64)


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_a_confusion_matrix_shows_every_count_and_shades_by_class() -> None:
    counts = np.array([[90, 10], [3, 1], [0, 0]])
    figure = draw_confusion(counts, list("abc"), title="t", cluster_names=["0", "1"])
    assert texts(figure) == {"90", "10", "3", "1", "0"}
    (image,) = figure.axes[0].images
    shares = np.asarray(image.get_array())
    np.testing.assert_allclose(shares[:2], [[0.9, 0.1], [0.75, 0.25]])
    assert not shares[2].any(), "a class without images has no share"


def test_many_cells_have_no_numbers() -> None:
    counts = np.ones((40, 40), int)
    figure = draw_confusion(counts, ["a"] * 40, title="t", cluster_names=["0"] * 40)
    assert texts(figure) == set()


@pytest.mark.parametrize("shape", [(51, 3), (3, 51), (1000, 1000)])
def test_a_large_matrix_has_a_fixed_size_and_no_names(shape: tuple[int, int]) -> None:
    rows, columns = ([str(n) for n in range(size)] for size in shape)
    figure = draw_confusion(np.ones(shape, int), rows, title="t", cluster_names=columns)
    (axes,) = figure.axes
    assert texts(figure) == set() and not axes.get_xticklabels() and not axes.get_yticklabels()
    assert axes.get_ylabel() == f"{shape[0]:,} classes"
    assert max(pixels(figure).shape) < 400, "at 40 pixels an inch"


def test_many_clusters_are_drawn_as_points() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2))
    outlines = np.broadcast_to(np.eye(2), (60, 2, 2))
    plane = Plane("t", ("x", "y"), points, np.arange(60), points, outlines)
    (axes,) = draw_outlines([[plane]], title="t").axes
    assert not axes.patches and not axes.texts and len(axes.collections) == 1


ODD = (
    "$x_{$",
    "a_b",
    r"\frac{1}",
    "<b>&",
    "%d",
    "a\nb",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u732b\U0001f41f",
)


def test_odd_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    square = np.eye(len(ODD), dtype=int)
    images = np.zeros((len(ODD), 8, 8), np.uint8)
    line = {"panel": "nmi", "split": "test", "mean": 0.5, "std": 0.1, "count": 3}
    points = pd.DataFrame([{**line, "line": name, "x": name} for name in ODD])
    for draw in (
        partial(draw_confusion, square, ODD, title="t", cluster_names=ODD),
        partial(draw_rows, [images], ODD[:1], title="$x_{$", inches=1.0),
        partial(draw_named_images, images, ODD, n_columns=3, title="t"),
        partial(draw_sweep, points, "data.root=$x_{$"),
    ):
        figure = draw()
        save(figure, tmp_path / "it.png", dpi=20)  # any warning would be an error here
        assert not any(text.get_parse_math() for text in figure.findobj(Text))
    figure = draw_confusion(square, ODD, title="t", cluster_names=ODD)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["a b" if name == "a\nb" else name for name in ODD]


def test_a_font_of_the_system_is_found_for_what_the_usual_one_lacks(tmp_path: Path) -> None:
    own = FT2Font(findfont("DejaVu Sans")).get_charmap()
    stix = FT2Font(findfont("STIXGeneral")).get_charmap()
    lacking = chr(min(code for code in stix.keys() - own.keys() if chr(code).isprintable()))
    figure = draw_named_images(np.zeros((1, 8, 8), np.uint8), [lacking], n_columns=1, title="t")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save(figure, tmp_path / "it.png", dpi=20)
    (text,) = figure.axes[0].texts
    assert len(text.get_fontfamily()) == 2 and not caught
    named = FT2Font(findfont(text.get_fontfamily()[1]))
    assert ord(lacking) in named.get_charmap()


def test_long_names_are_shortened() -> None:
    assert shortened("a" * 40) == "a" * 40
    assert shortened("a" * 41) == "a" * 39 + "…"
    assert shortened("\u732b" * 60) == "\u732b" * 19 + "…", "wide characters count twice"


def test_rows_of_images_are_put_side_by_side() -> None:
    rows = [np.full((3, 4, 5), 200, np.uint8), np.full((1, 4, 5), 100, np.uint8)]
    figure = draw_rows(rows, ["first", "second"], title="t", inches=1.0)
    (image,) = figure.axes[0].images
    canvas = np.asarray(image.get_array())
    assert canvas.shape == (8, 15)
    assert (canvas[:4] == 200).all()
    assert (canvas[4:, :5] == 100).all()
    assert not canvas[4:, 5:].any()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["first", "second"]


def test_named_images_have_their_names_below() -> None:
    images = np.zeros((5, 8, 8), np.uint8)
    figure = draw_named_images(images, list("abcde"), n_columns=3, title="t")
    assert texts(figure) == set("abcde")


def test_an_elbow_marks_the_knee_and_what_the_paper_reads_off() -> None:
    rows = [{"k": k, "inertia": 100 / k, "silhouette": 0.1 * k} for k in range(1, 6)]
    figure = draw_elbow(rows, title="t", knee=3, paper=(2, 4))
    first, second = figure.axes
    legend = first.get_legend()
    assert legend is not None
    labels = {text.get_text() for text in legend.get_texts()}
    assert labels == {"knee by kneed: 3", "read off in the paper"}
    assert second.get_legend() is None
    drawn = line_points(first.get_lines()[0])[:, 1]
    np.testing.assert_allclose(drawn, np.array([100, 50, 100 / 3, 25, 20]))


def test_losses_are_drawn_against_epochs() -> None:
    figure = draw_losses({"loss/train": [3.0, 2.0], "loss/val": [4.0, 3.0]}, "cross entropy")
    lines = {line.get_label(): line_points(line).tolist() for line in figure.axes[0].get_lines()}
    assert lines == {"loss/train": [[1, 3], [2, 2]], "loss/val": [[1, 4], [2, 3]]}
    assert figure.axes[0].get_ylabel() == "cross entropy"


def test_an_outline_is_the_ellipse_of_its_matrix() -> None:
    outlines = np.array([np.diag([9.0, 1.0]), np.eye(2)])
    points = np.array([[0.0, 0.0], [5.0, 5.0]])
    plane = Plane("t", ("x", "y"), points, np.array([0, 1]), points, outlines)
    figure = draw_outlines([[plane]], title="t")
    wide, round_ = figure.axes[0].patches
    assert isinstance(wide, Ellipse)
    assert isinstance(round_, Ellipse)
    assert sorted((wide.width, wide.height)) == pytest.approx([2, 6])
    assert (round_.width, round_.height) == pytest.approx((2, 2))


def test_a_sweep_has_a_panel_for_every_score_and_sorts_numbers() -> None:
    line = {"panel": "accuracy", "line": "gmm", "split": "test", "std": 0.1, "count": 3}
    points = pd.DataFrame([{**line, "x": "10", "mean": 0.6}, {**line, "x": "9", "mean": 0.5}])
    figure = draw_sweep(points, "epochs")
    drawn = line_points(figure.axes[0].get_lines()[0])
    assert drawn.tolist() == [[9, 0.5], [10, 0.6]]
    assert figure.axes[0].get_title() == "accuracy"
    assert pixels(figure).std() > 0


def swept(values: Sequence[str]) -> Figure:
    line = {"panel": "accuracy", "line": "gmm", "split": "test", "mean": 0.5, "std": 0.1}
    return draw_sweep(pd.DataFrame([{**line, "count": 3, "x": x} for x in values]), "key")


def test_labels_of_a_sweep_do_not_overlap() -> None:
    for values in (["0.0001", "0.001", "0.01"], ["kmeans", "gmm", "spectral", "hdbscan", "bgmm"]):
        figure = swept(values)
        figure.draw_without_rendering()
        labels = figure.axes[0].get_xticklabels()
        assert [label.get_text() for label in labels] == values
        boxes = [label.get_window_extent() for label in labels]
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    assert swept(["0.0001", "0.01"]).axes[0].get_xscale() == "log"
    assert swept(["5", "45"]).axes[0].get_xscale() == "linear"
    many = swept([str(k) for k in range(2, 21)])
    many.draw_without_rendering()
    assert {label.get_rotation() for label in many.axes[0].get_xticklabels()} == {0}
    assert swept(["1", "1.0"]).axes[0].get_title() == swept(["1", "inf"]).axes[0].get_title()
    assert swept(["0", "1000"]).axes[0].get_xscale() == "linear", "zero has no logarithm"


def test_lines_of_a_sweep_share_an_axis_if_one_lacks_a_text() -> None:
    lines = {"gmm": ("auto", "5", "10"), "kmeans": ("5", "10")}
    points = pd.DataFrame(
        {
            "panel": "accuracy",
            "line": name,
            "split": "test",
            "x": x,
            "mean": 0.5,
            "std": 0.1,
            "count": 3,
        }
        for name, values in lines.items()
        for x in values
    )
    axes = draw_sweep(points, "n_clusters").axes[0]
    lines_drawn = [line for line in axes.get_lines() if line.get_marker() == "o"]
    drawn = [line_points(line)[:, 0].tolist() for line in lines_drawn]
    assert drawn == [[0, 1, 2], [0, 1]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "10", "auto"]
