"""Images in a folder for each cluster: links, copies, PNG files, contact sheets."""

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, Finished, stop_after
from layout import rows_of
from numpy.typing import NDArray
from PIL import Image

from fmclust.inference.sorting import ClusterFolders, contact_sheet


@pytest.fixture
def pictures(digits: dict[str, NDArray[np.uint8]], tmp_path: Path) -> Path:
    """Fifty digits, in two folders with the same names of files."""
    for number, image in enumerate(digits["test"][:50]):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number // 2}.png")
    return tmp_path / "pictures"


def cluster_of(path: Path) -> str:
    return path.name.split("_")[0].removesuffix(".png")


@pytest.mark.parametrize("links", [True, False])
def test_pictures_are_linked_or_copied_by_cluster(
    links: bool,
    pictures: Path,
    finished: Finished,
    command_line: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not links:

        def refuse(*_: object, **__: object) -> None:
            raise OSError("no links")

        monkeypatch.setattr(Path, "symlink_to", refuse)
    typed = ("assign", f"run={finished.directory}", f"input={pictures}", "output=a.csv")
    answer = command_line(*typed, "sort_into=sorted")
    assert answer.status == 0 and answer.out.endswith("/sorted\n"), answer.err
    rows = {row["image"]: row["cluster"] for row in rows_of(Path("a.csv"))}
    made = [*Path("sorted").glob("*/*")]
    assert len(made) == 50 and all(path.is_symlink() == links for path in made)
    for path in made:
        name = path.name.replace("__", "/")
        assert path.read_bytes() == (pictures / name).read_bytes()
        assert cluster_of(path.parent) == rows[name]
    assert not [*Path("sorted").glob("*.png")]


def test_arrays_become_files_and_sheets_show_the_most_typical_first(
    digits: dict[str, NDArray[np.uint8]], finished: Finished, command_line: Callable[..., Answer]
) -> None:
    np.save("x.npy", digits["test"])
    typed = ("assign", f"run={finished.directory}", "input=x.npy", "output=a.csv", "clusterer=gmm")
    assert command_line(*typed, "sort_into=sorted", "contact_sheets=true").status == 0
    rows = rows_of(Path("a.csv"))
    made = [*Path("sorted").glob("*/*.png")]
    assert len(made) == len(rows)
    for path in made:
        assert np.array_equal(np.asarray(Image.open(path)), digits["test"][int(path.stem)])
        assert cluster_of(path.parent) == rows[int(path.stem)]["cluster"]
    sheets = [*Path("sorted").glob("*.png")]
    assert {cluster_of(sheet) for sheet in sheets} == {row["cluster"] for row in rows}
    for sheet in sheets:
        members = [row for row in rows if row["cluster"] == cluster_of(sheet)]
        best = max(float(row["probability"]) for row in members)
        first = np.asarray(Image.open(sheet))[:56:2, :56:2]
        likely = [int(row["image"]) for row in members if float(row["probability"]) == best]
        assert any(np.array_equal(first, digits["test"][row]) for row in likely)


def test_training_sorts_its_own_images(command_line: Callable[..., Answer], pictures: Path) -> None:
    typed = ("data=folder", f"data.root={pictures}", "model=pixels", "cluster=kmeans")
    small = ("n_clusters=3", "trainer=cpu", "figures=false")
    sort = ("sort_into=sorted", "contact_sheets=true")
    answer = command_line("train", *typed, *small, *sort, "hydra.run.dir=run")
    assert answer.status == 0, answer.err
    rows = {row["image"]: row["cluster"] for row in rows_of(Path("run/assignments.csv"))}
    made = {p.name.replace("__", "/"): cluster_of(p.parent) for p in Path("sorted").glob("*/*")}
    assert made == rows and len(rows) == 50
    assert len([*Path("sorted").glob("*.png")]) == 3 and "sorted" in answer.out
    assigned = ("run=run", f"input={pictures}", "output=a.csv", "sort_into=new")
    assert command_line("assign", *assigned, "contact_sheets=true").status == 0
    for sheet in Path("new").glob("*.png"):  # the most typical first in both
        first, same = (np.asarray(Image.open(p)) for p in (sheet, Path("sorted") / sheet.name))
        assert np.array_equal(first, same)
    again = ("sort_into=again", "contact_sheets=true")
    assert command_line("resume", "run=run", *again).status == 0
    assert {p.relative_to("again") for p in Path("again").rglob("*")} == {
        p.relative_to("sorted") for p in Path("sorted").rglob("*")
    }
    moved = pictures.rename(pictures.with_name("moved"))
    assert command_line("resume", "run=run", "sort_into=third").refuses("data.root=")
    typed_later = ("resume", "run=run", f"data.root={moved}")
    assert command_line(*typed_later, "sort_into=third").status == 0
    assert len([*Path("third").glob("*/*")]) == 50
    (moved / "a" / "0.png").write_bytes((moved / "a" / "1.png").read_bytes())
    answer = command_line(*typed_later, "sort_into=fourth")
    assert answer.refuses("the images differ") and not Path("fourth").exists()
    moved.rename(pictures)
    answer = command_line("train", "-m", *typed, *small, "sort_into=other", "seed=0,1")
    assert answer.refuses("sort_into="), answer.err


def test_images_of_one_name_are_all_there(tmp_path: Path) -> None:
    folders = ClusterFolders(tmp_path / "out", None, str, has_sheets=False)
    names = ["a.png", "a.png", "b.png"]
    folders.add(names, np.zeros((3, 8, 8), np.uint8), np.zeros(3, np.int64), None)
    made = {path.name for path in (tmp_path / "out").glob("*/*")}
    assert made == {"a.png.png", "_a.png.png", "b.png.png"}


def test_no_file_of_the_user_is_written_over(tmp_path: Path) -> None:
    for name in ("a/b.png", "a__b.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), len(name), np.uint8)).save(tmp_path / "in" / name)
    before = {path: path.read_bytes() for path in (tmp_path / "in").rglob("*.png")}
    folders = ClusterFolders(tmp_path / "out", tmp_path / "in", str, has_sheets=False)
    blank = np.zeros((2, 8, 8), np.uint8)
    folders.add(["a/b.png", "a__b.png"], blank, np.zeros(2, np.int64), None)
    assert {path: path.read_bytes() for path in before} == before
    made = (tmp_path / "out").glob("*/*")
    assert {path.read_bytes() for path in made} == {*before.values()}


def test_a_picture_is_linked_and_long_names_are_cut(
    pictures: Path, finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("assign", f"run={finished.directory}", "output=a.csv", "sort_into=sorted")
    assert command_line(*typed, f"input={pictures}/a/0.png").status == 0
    (made,) = Path("sorted").glob("*/*")
    assert made.name == "0.png" and made.resolve() == (pictures / "a" / "0.png").resolve()
    names = [f"{'x' * 120}/{'y' * 120}/{n}.png" for n in range(2)]
    folders = ClusterFolders(tmp_path / "out", None, lambda _: "é" * 300, has_sheets=True)
    blank = np.zeros((2, 8, 8), np.uint8)
    folders.add(names, blank, np.zeros(2, np.int64), None)
    folders.write_sheets()
    assert len([*(tmp_path / "out").glob("*/*.png")]) == 2


def test_a_sheet_has_rows_of_ten() -> None:
    images = [np.full((28, 20), 10 * n, np.uint8) for n in range(12)]
    sheet = np.asarray(contact_sheet(images))
    assert sheet.shape == (2 * 29 * 2, 10 * 21 * 2)
    assert sheet[58, 42] == 110 and sheet[0, 9 * 42] == 90 and sheet[58, 84] == 0


def test_a_stopped_run_says_how_its_images_are_sorted(
    command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        typed = ("trainer.max_epochs=2", "sort_into=sorted", "contact_sheets=true")
        answer = command_line("train", *SMALL, *typed, "hydra.run.dir=run")
    assert answer.status == 130 and not Path("sorted").exists()
    arguments = shlex.split(answer.err.partition("fmclust.resume ")[2].splitlines()[0])
    assert arguments[1:] == ["sort_into=sorted", "contact_sheets=true"]
    assert command_line("resume", *arguments).status == 0
    assert len([*Path("sorted").glob("*/*.png")]) == 1_797
    assert [*Path("sorted").glob("*.png")]
