"""The report pages: what is on them, and how they behave in a browser."""

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, Answer, Finished, sign, write_idx
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from fmclust.evaluation import thumbnails
from fmclust.plots import draw_losses
from fmclust.plots.sweeps import STYLES
from fmclust.reports.agreement import agreement_table
from fmclust.reports.jobs import SPLITS, Job, filled_in, settings_of, short_names
from fmclust.reports.pages import run_page, write_run_page, write_runs_page
from fmclust.reports.pages.galleries import certainty, gallery
from fmclust.reports.pages.sprite import Sprite
from fmclust.reports.pages.svg import embedded
from fmclust.reports.tables import print_run
from fmclust.runs import read_metrics

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
OpenPage = Callable[..., "Page"]
CHROMIUM = shutil.which("chromium")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


def text_of(path: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))


def test_a_run_leaves_a_page_with_its_scores(finished: Finished) -> None:
    page = finished.directory / "report.html"
    text, metrics = text_of(page), read_metrics(finished.directory)
    for name in ("kmeans", "gmm"):
        for split in ("train", "val", "test"):
            assert f"{metrics[f'{name}/{split}/accuracy']:.4f}" in text
        assert f"Clusters by {name}" in text
    assert "Most confused" in text and "typical" in text and "of 1 run" in text
    assert page.stat().st_size < 5_000_000


def test_a_page_asks_for_nothing_from_elsewhere(finished: Finished) -> None:
    page = (finished.directory / "report.html").read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)|url\((?!data:|#)|https?:", page)


def test_what_comes_from_outside_is_escaped(
    run_digits: Callable[..., Finished], tmp_path: Path, finished: Finished
) -> None:
    directory = shutil.copytree(finished.directory, tmp_path / "<img src=x onerror=alert(1)>")
    status = json.loads((directory / "status.json").read_text())
    status["class_names"] = ["</script><script>alert(1)</script>", *status["class_names"][1:]]
    status["warnings"] = ["<b>warned</b>"]
    (directory / "status.json").write_text(json.dumps(status))
    sign(directory)
    page = write_run_page(directory).read_text()
    assert "<script>alert" not in page and "<b>warned" not in page and "<img src=x" not in page
    assert page.count("<script") == 2  # the points, and what draws them


@pytest.mark.parametrize(
    "options",
    [
        ("model=pixels", "cluster=kmeans"),
        ("cluster=[hdbscan,agglomerative]", "cluster.hdbscan.estimator.min_cluster_size=20"),
        ("model.latents=1",),
        ("n_clusters=1", "cluster=kmeans"),
        ("n_clusters=40",),
    ],
)
def test_any_run_has_a_page(options: tuple[str, ...], run_digits: Callable[..., Finished]) -> None:
    page = run_digits(*options).directory / "report.html"
    text = text_of(page)
    assert "Scores" in text and "Clusters by" in text
    assert ("(none)</th>" in page.read_text()) == ("n_clusters=1" in options)
    assert ('<th scope="col">noise</th>' in page.read_text()) == ("hdbscan" in options[0])


def test_a_run_without_labels_has_a_page(
    run_digits: Callable[..., Finished], tmp_path: Path
) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", load_digits().images * 15)
    run = run_digits("data=idx", f"data.root={tmp_path}", "model.kernel=4", "model.stride=2")
    text = text_of(run.directory / "report.html")
    assert "have no labels" in text and "farthest" in text and "silhouette" in text
    assert "accuracy" not in text and "misfits" not in text


def test_later_clusterings_are_on_the_page_once_it_is_written_anew(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    run = shutil.copytree(finished.directory, tmp_path / "run")
    assert command_line("cluster", "run=run", "cluster=bgmm").status == 0
    answer = command_line("report", "runs=run")
    assert answer.status == 0 and "run/report.html" in answer.out, answer.err
    text = text_of(run / "report.html")
    assert "Clusters by bgmm" in text and "clustered later, bgmm" in text
    shutil.copytree(run, tmp_path / "other")
    assert command_line("report", "runs=*", "output=both.html").status == 0
    assert text_of(tmp_path / "both.html").count("bgmm") >= 2


def test_images_chosen_for_a_gallery() -> None:
    latents = np.array([[0.0], [0.1], [0.2], [3.0], [4.0], [9.0]])
    member = np.arange(6) < 5
    classes, certain = np.array([1, 2, 1, 2, 1, 1]), np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.0])
    labelled = gallery(member, latents, certain, classes, 1)
    assert labelled.typical == [2, 1, 0, 3, 4] and labelled.borderline == [3, 4, 2, 1, 0]
    assert labelled.misfits == [1, 3]
    assert gallery(member, latents, certain, None, None).misfits == [4, 3, 0, 1, 2]
    five, clusters = np.array([[0.0], [0.1], [5.0], [5.1], [2.4]]), np.array([0, 0, 1, 1, 0])
    assert certainty(five, clusters, None).argmin() == 4


def test_a_sprite_holds_every_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 12), dtype=np.uint8)
    sprite = Sprite.of(images)
    assert (sprite.columns, sprite.rows, sprite.scale) == (2, 4, 4)
    assert sprite.place(3) == "background-position:-48px -32px"


def test_an_embedded_figure_is_in_the_colours_of_the_page_and_always_the_same() -> None:
    losses = {"loss/train": [0.5, 0.25], "loss/val": [0.75, 0.5]}
    first, second = (str(embedded(draw_losses(losses, "a<b"), '"c"')) for _ in range(2))
    assert first == second and first.startswith("<svg") and first.rstrip().endswith("</svg>")
    assert "#000000" not in first and "currentColor" in first
    in_a_text = str(embedded(draw_losses(losses, "#000000"), "c"))
    assert in_a_text.count("#000000") == 1, "only colours are those of the page"
    assert 'aria-label="&#34;c&#34;"' in first and "a&lt;b" in first and "loss/val" in first


def test_a_sweep_leaves_a_page_over_its_runs(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    swept = ("trainer.max_epochs=1,2", "n_clusters=8,9999", "seed=0", "hydra.sweep.dir=sweep")
    typed = ("-m", *SMALL, "cluster=kmeans", *swept)
    assert command_line("train", *typed).status == 1
    sweep = tmp_path / "sweep"
    text = text_of(sweep / "report.html")
    assert "2 runs" in text and "Against trainer.max_epochs" in text and "over 1 seed" in text
    assert "failed" in text and "9999 clusters are more than" in text
    links = re.findall(r'<a href="([^"]+)"', (sweep / "report.html").read_text())
    assert len(links) == 2 and all((sweep / link).exists() for link in links)
    answer = command_line("report", "runs=sweep/*", "output=elsewhere.html")
    assert answer.status == 0, answer.err
    links = re.findall(r'<a href="([^"]+)"', (tmp_path / "elsewhere.html").read_text())
    assert len(links) == 2 and all((tmp_path / link).exists() for link in links)


def test_a_pattern_that_finds_clusterings_too_shows_runs_alone(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    run = shutil.copytree(finished.directory, tmp_path / "runs" / "run")
    shutil.copytree(finished.directory, run / "clusterings" / "again")
    before = (run / "clusterings" / "again" / "report.html").read_bytes()
    answer = command_line("report", "runs=runs/**")
    assert answer.status == 0, answer.err
    assert (run / "clusterings" / "again" / "report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("runs", "named"), [("nowhere", "not a run directory"), ("stopped", "no finished run")]
)
def test_mistakes_are_answered_in_plain_words(
    runs: str, named: str, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "stopped").mkdir()
    status = {"status": "stopped", "reason": None, "format": 2}
    (tmp_path / "stopped" / "status.json").write_text(json.dumps(status))
    answer = command_line("report", f"runs={runs}")
    assert answer.refuses(f"runs={runs}", named), answer.err


def test_what_is_no_run_but_belongs_to_one_is_named(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = command_line("report", f"runs={finished.directory / 'clusterings' / 'x'}")
    assert answer.refuses(f"type runs={finished.directory}."), answer.err
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text("[]")
    answer = command_line("report", "runs=sweep")
    assert answer.refuses("type 'runs=sweep/*'."), answer.err
    answer = command_line("report", f"runs={finished.directory}", "output=x.html")
    assert answer.refuses("output= is a page over several runs"), answer.err


def test_what_was_typed_for_one_run_is_told_of_the_others_too(finished: Finished) -> None:
    typed = (["n_clusters=12"], ["seed=0", "model=convae"])
    first, second = filled_in([Job.read(finished.directory, part) for part in typed])
    assert first.settings == {"n_clusters": "12", "seed": "0", "model": "convae"}
    assert second.settings == {"n_clusters": "12", "seed": "0", "model": "convae"}


def test_equal_values_are_equal_however_they_were_typed() -> None:
    typed = ["a.lr=1e-3", "b=False", "c='x y'", "+d=[1,'e']", "~f", "g=null", "h={i:true}"]
    assert settings_of(typed) == {
        "a.lr": "0.001",
        "b": "false",
        "c": "x y",
        "+d": "[1,e]",
        "~f": "",
        "g": "null",
        "h": "{i:true}",
    }


def test_a_run_that_typed_no_clusterer_has_that_of_its_configuration(finished: Finished) -> None:
    typed = (["cluster=[kmeans,gmm]"], ["data=digits"])
    first, second = filled_in([Job.read(finished.directory, part) for part in typed])
    assert first.settings["cluster"] == second.settings["cluster"] == "[kmeans,gmm]"
    assert first.settings["data"] == "default"


def test_overrides_that_nobody_could_type_are_one_line(tmp_path: Path) -> None:
    job = Job.read(tmp_path, ["a=[1"])
    assert job.is_damaged and "\n" not in job.reason


def test_headings_tell_keys_apart() -> None:
    keys = ["model.temperature", "cluster.b.temperature", "seed", "temperature"]
    assert [*short_names(keys).values()] == [
        "model.temperature",
        "b.temperature",
        "seed",
        "temperature",
    ]
    assert short_names(["model.lr", "seed"]) == {"model.lr": "lr", "seed": "seed"}


def test_every_split_has_a_line_of_its_own_in_charts() -> None:
    assert {*SPLITS} <= {*STYLES}


def test_runs_that_differ_in_nothing_have_a_page(finished: Finished, tmp_path: Path) -> None:
    jobs = [Job.read(finished.directory, ["a=1"])] * 2
    write_runs_page(tmp_path / "page.html", jobs)
    text = text_of(tmp_path / "page.html")
    assert "the overrides are all the same" in text
    assert "Agreement between seeds" not in text, "one run twice is one seed"


def with_clusters(run: Path, change: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Path:
    """Change the cluster ids in assignments.csv of a run."""
    table = pd.read_csv(run / "assignments.csv")
    table["cluster"] = change(table["cluster"].to_numpy())
    table.to_csv(run / "assignments.csv", index=False)
    sign(run)
    return run


def test_the_page_shows_how_far_seeds_agree(finished: Finished, tmp_path: Path) -> None:
    for name in "bc":
        shutil.copytree(finished.directory, tmp_path / name)
    with_clusters(tmp_path / "b", lambda ids: (ids + 1) % 12)  # other ids, the same clusters
    random = np.random.default_rng(0)
    with_clusters(tmp_path / "c", lambda ids: random.integers(0, 12, len(ids)))
    places = (finished.directory, tmp_path / "b", tmp_path / "c")
    jobs = [Job.read(place, [f"seed={n}"]) for n, place in enumerate(places)]
    found = agreement_table(jobs[:2], [])
    assert found is not None and found.rows == [
        [name, "test", "2", "1.0000", "1.0000"] for name in ("kmeans", "gmm")
    ]
    found = agreement_table(jobs, [])
    assert found is not None
    for _, _, n, mean, lowest in found.rows:
        assert n == "3" and float(mean.split()[0]) == pytest.approx(1 / 3, abs=0.03)
        assert abs(float(lowest)) < 0.05
    write_runs_page(tmp_path / "page.html", jobs)
    assert "Agreement between seeds" in text_of(tmp_path / "page.html")

    status = json.loads((tmp_path / "b" / "status.json").read_text())
    status["sums"]["test"] += 1  # other images
    (tmp_path / "b" / "status.json").write_text(json.dumps(status))
    sign(tmp_path / "b")
    assert agreement_table(jobs[:2], []) is None and agreement_table(jobs[:1], []) is None


def test_a_size_prior_is_named(
    run_digits: Callable[..., Finished], capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_digits("model=pixels", "cluster=[balanced_kmeans,kmeans]").directory
    assert "balanced_kmeans: the sizes of the clusters are a prior" in text_of(run / "report.html")
    print_run(run)
    assert "\nbalanced_kmeans: the sizes of the clusters are a prior" in capsys.readouterr().out
    labelled = ("model=contrastive", "model.self_labelling_epochs=1", "trainer.max_epochs=2")
    print_run(run_digits(*labelled, "cluster=spherical_kmeans").directory)
    assert "\nspherical_kmeans: the sizes of the clusters are a prior" in capsys.readouterr().out


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """Opens a page, and in the end finds nothing asked for, nothing complained of."""
    trouble: list[str] = []

    def opened(path: Path, size: str = "desktop", scheme: Scheme = "light") -> "Page":
        width, height = SIZES[size]
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda asked: trouble.extend(
                [] if asked.url.startswith(("data:", "file:")) else [asked.url]
            ),
        )
        page.goto(path.as_uri())
        return page

    yield opened
    for context in browser.contexts:
        context.close()
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_point_shows_its_image(
    size: str, scheme: Scheme, open_page: OpenPage, finished: Finished
) -> None:
    page = open_page(finished.directory / "report.html", size, scheme)
    told, canvas = page.locator("#description"), page.locator("#plane")
    assert "No image" in told.inner_text()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    for step in range(0, int(box["width"]), 4):
        page.mouse.move(box["x"] + step, box["y"] + box["height"] / 2)
        if "No image" not in told.inner_text():
            break
    first = told.inner_text()
    assert re.search(r"image \d+; class \d; kmeans: \d+", first)
    drawn = "c => new Uint32Array(c.getContext('2d').getImageData(0, 0, 144, 144).data.buffer)"
    shown = page.locator("#shown").evaluate(f"c => new Set(({drawn})(c)).size")
    assert shown > 5  # shades
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert told.inner_text() != first
    page.locator("#by").select_option("class/")
    assert page.locator("#legend li").count() == 10
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_every_picture_has_a_text_and_every_heading_an_order(
    open_page: OpenPage, finished: Finished
) -> None:
    page = open_page(finished.directory / "report.html")
    unnamed = "[...document.querySelectorAll('[role=img], canvas, svg')].filter"
    assert page.evaluate(f"{unnamed}(e => !e.getAttribute('aria-label')).length") == 0
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))


def test_the_table_of_runs_sorts(
    open_page: OpenPage, finished: Finished, run_digits: Callable[..., Finished], tmp_path: Path
) -> None:
    other = run_digits("model=pixels", "cluster=kmeans").directory
    jobs = [Job.read(finished.directory, ["a=10"]), Job.read(other, ["a=9"])]
    write_runs_page(tmp_path / "page.html", jobs)
    page = open_page(tmp_path / "page.html")
    heads = page.locator("#runs thead th").all_inner_texts()
    column = next(i for i, head in enumerate(heads) if head.startswith("accuracy"))

    def values() -> list[float]:
        cells = page.locator(f"#runs tbody td:nth-child({column + 1})").all_inner_texts()
        return [float(cell) for cell in cells]

    button = page.locator("#runs thead th").nth(column).locator("button")
    button.focus()
    page.keyboard.press("Enter")
    assert values() == sorted(values()) and len(set(values())) > 1
    button.click()
    assert values() == sorted(values(), reverse=True)
    assert page.locator("[aria-sort=descending]").count() == 1


def test_a_sprite_of_photos_stays_small() -> None:
    side = thumbnails.MAX_SIDE
    n = thumbnails.MAX_VALUES // (3 * side**2)
    noise = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
    assert len(Sprite.of(noise).url) < 5_000_000


def test_only_files_in_the_folder_of_the_pictures_are_linked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("secret.png", "in/a.png"):
        (tmp_path / name).write_bytes(b"")
    names = ["a.png", "../secret.png", str(tmp_path / "secret.png"), "lost.png"]
    links = [run_page._link_to(tmp_path / "in", names, number) for number in range(5)]
    assert links[0].endswith("/in/a.png") and links[1:] == [""] * 4, "the fifth has no name"
