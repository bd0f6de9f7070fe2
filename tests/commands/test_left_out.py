"""What a run and `assign` leave out or scale: it is said where the user looks."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, Finished, sign
from layout import rows_of, status_of
from PIL import Image
from sklearn.datasets import load_digits

from fmclust import load_run
from fmclust.errors import UserError
from fmclust.runs import read_assignments, read_config

DIGITS = load_digits().images[:40]
FOLDER = ("data=folder", "data.root=own", "n_clusters=3", "model=pixels", "cluster=kmeans")


def write(folder: Path, factor: float, dtype: type, suffix: str = "png", n: int = 40) -> None:
    """Write digits, whose values are 0 to 16, as pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, digit in enumerate(DIGITS[:n]):
        Image.fromarray((digit * factor).astype(dtype)).save(folder / f"{number:02}.{suffix}")


@pytest.fixture(scope="module")
def deep_run(tmp_path_factory: pytest.TempPathFactory, run_digits: Callable[..., Finished]) -> Path:
    """A run on 12-bit pictures."""
    root = tmp_path_factory.mktemp("deep") / "own"
    write(root, 255, np.uint16)
    return run_digits(*FOLDER[2:], "data=folder", f"data.root={root}").directory


def test_a_run_lists_what_it_could_not_read(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write(tmp_path / "own" / "a", 15, np.uint8)
    for number in range(5):
        (tmp_path / "own" / f"IMG {number}.HEIC").write_text("no picture")
    whole = (tmp_path / "own" / "a" / "00.png").read_bytes()
    (tmp_path / "own" / "cut.png").write_bytes(whole[:-30])
    (tmp_path / "own" / "link.png").symlink_to("nothing")
    (tmp_path / "own" / "ü.tmp").write_text("no picture")
    answer = command_line("train", *SMALL, *FOLDER, "data.exclude=*.tmp", "hydra.run.dir=run")
    assert answer.status == 0, answer.err
    listed = {row["file"]: row["reason"] for row in rows_of(tmp_path / "run" / "unreadable.csv")}
    assert [*listed] == sorted(["cut.png", *(f"IMG {n}.HEIC" for n in range(5)), "link.png"])
    assert listed["link.png"] == "No such file or directory"
    status, page = status_of(tmp_path / "run"), (tmp_path / "run" / "report.html").read_text()
    assert status["status"] == "done" and status["unreadable"] == 7
    reasons = "unreadable.csv lists what was not read: cannot identify image file (5), "
    for text in (answer.out.replace("\n", " "), page, "".join(status["warnings"])):
        assert reasons in text
        assert "files left out: 1, excluded by data.exclude=*.tmp" in text
    assert "; 7 not readable, see unreadable.csv" in answer.out
    assert "; 7 not readable, see unreadable.csv" in page
    assert read_config(tmp_path / "run").data.exclude == "*.tmp"


def test_a_run_that_read_everything_has_no_list(deep_run: Path) -> None:
    assert not (deep_run / "unreadable.csv").exists()
    assert status_of(deep_run)["unreadable"] == 0
    assert status_of(deep_run)["ranges"] == {"integer": [0.0, 4080.0]}
    assert "0 to 4080" in (deep_run / "report.html").read_text()


def test_a_run_without_enough_pictures_lists_why(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    for number in range(12):
        (tmp_path / "own" / f"{number}.heic").write_text("no picture")
    answer = command_line("train", *SMALL, *FOLDER, "hydra.run.dir=run")
    assert answer.refuses("cannot identify image file (12)"), answer.err
    assert len(rows_of(tmp_path / "run" / "unreadable.csv")) == 12


def test_lists_of_patterns_and_scales_are_typed(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write(tmp_path / "own", 255, np.uint16)
    write(tmp_path / "own" / "old", 15, np.uint8, "bmp")
    typed = ("data.exclude=[old,3?.png]", "data.scale=[0,65535]", "hydra.run.dir=run")
    answer = command_line("train", *SMALL, *FOLDER, *typed)
    assert answer.status == 0, answer.err
    status = status_of(tmp_path / "run")
    assert sum(status["images"].values()) == 30
    assert status["ranges"] == {"integer": [0.0, 65535.0]}
    for wrong in ("data.scale=5", "data.scale=[9,2]", "data.exclude=[[1]]"):
        refused = command_line("train", *SMALL, *FOLDER, wrong, "hydra.run.dir=other")
        assert refused.refuses(wrong.partition("=")[0]), refused.err


def test_assign_scales_as_the_run_did(
    deep_run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write(tmp_path / "half", 128, np.uint16)  # half as bright as in the run
    write(tmp_path / "bytes", 8, np.uint8)
    for name in ("half", "bytes"):
        typed = (f"run={deep_run}", f"input={name}", f"output={name}.csv")
        answer = command_line("assign", *typed)
        assert answer.status == 0 and "Warning" not in answer.out, answer
    half, eight = (rows_of(tmp_path / f"{name}.csv") for name in ("half", "bytes"))
    assert half == eight


def test_assign_names_a_pixel_type_that_the_run_has_not_seen(
    deep_run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write(tmp_path / "new", 1 / 16, np.float32, "tif")
    typed = (f"run={deep_run}", "input=new", "output=new.csv")
    answer = command_line("assign", *typed)
    assert answer.status == 0, answer.err
    assert "the run has seen no float pixels: they are scaled by 0 to 1," in answer.out
    names = {Path(row["image"]).stem: row["cluster"] for row in rows_of(tmp_path / "new.csv")}
    known = {
        Path(row["image"]).stem: row["cluster"] for row in rows_of(deep_run / "assignments.csv")
    }
    assert names == known


def test_assign_leaves_out_the_same_and_says_so(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write(tmp_path / "own" / "images", 15, np.uint8)
    write(tmp_path / "own" / "masks", 9, np.uint8)
    write(tmp_path / "own" / "@eaDir" / "a.png", 9, np.uint8)
    write(tmp_path / "own" / "drafts", 9, np.uint8)
    (tmp_path / "own" / "text.png").write_text("no picture")
    (tmp_path / "own" / "link.png").symlink_to("nothing")
    typed = ("data.exclude=drafts", "hydra.run.dir=run")
    assert command_line("train", *SMALL, *FOLDER, *typed).status == 0
    answer = command_line("assign", "run=run", "input=own", "output=a.csv")
    assert answer.status == 0, answer.err
    for text in (
        "files left out: 40, in folders named masks",
        "files left out: 40, generated (@eaDir)",
        "files left out: 40, excluded by data.exclude=drafts",
        "2 files or folders can't be read: text.png, link.png; cannot identify image file (1), "
        "No such file or directory (1)",
        "2 unreadable",
    ):
        assert text in answer.out.replace("\n", " ")
    rows = rows_of(tmp_path / "a.csv")
    assert len(rows) == 42
    errors = {row["image"]: row["error"] for row in rows if row["error"]}
    assert errors == {
        "text.png": "cannot identify image file",
        "link.png": "No such file or directory",
    }
    known = read_assignments(tmp_path / "run", "kmeans")
    assert sorted(int(row["cluster"]) for row in rows if row["cluster"]) == sorted(
        np.concatenate([*known.values()]).tolist()
    )


@pytest.mark.parametrize("name", ["folder", "text.png", "empty.npy"])
def test_assigning_none_of_the_files_is_an_error(
    name: str, finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    for path in ("folder/a.heic", "folder/b.heic", "text.png"):
        (tmp_path / path).write_text("no picture")
    np.save(tmp_path / "empty.npy", np.empty((0, 28, 28), np.uint8))
    typed = (f"run={finished.directory}", f"input={name}", "output=a.csv")
    answer = command_line("assign", *typed)
    assert answer.refuses(name), answer.err
    assert name == "empty.npy" or "cannot identify image file" in answer.err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("clusterer", ["kmeans", "gmm"])
def test_no_image_from_python_gives_an_empty_result(clusterer: str, finished: Finished) -> None:
    run = load_run(finished.directory)
    none, some = np.empty((0, 28, 28), np.uint8), np.zeros((3, 28, 28), np.uint8)
    of_none, of_some = run.assign(none, clusterer), run.assign(some, clusterer)
    for name in ("clusters", "classes", "probability", "distance", "far"):
        empty, there = getattr(of_none, name), getattr(of_some, name)
        assert (empty is None) == (there is None), name
        if empty is not None:
            assert empty.shape == (0,) and empty.dtype == there.dtype, name
    assert run.encode(none).shape == (0, run.encode(some).shape[1])
    assert run.encode(none).dtype == np.float32
    assert run.reconstruct(none).shape == (0, 28, 28)
    assert run.reconstruct(none).dtype == np.uint8
    with pytest.raises(UserError, match=r"\(N, 28, 28\)"):
        run.assign(np.empty((0, 9, 9), np.uint8))


def test_a_damaged_range_is_refused(
    deep_run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    run = shutil.copytree(deep_run, tmp_path / "run")
    text = (run / "status.json").read_text()
    (run / "status.json").write_text(text.replace("4080.0", '"much"'))
    sign(run)
    typed = ("run=run", "input=own", "output=a.csv")
    assert command_line("assign", *typed).refuses("much")
