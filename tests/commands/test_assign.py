"""New images into the clusters of a run, by the command and from Python."""

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import REAL, Answer, Finished, idx, write_idx
from layout import rows_of, status_of
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from fmclust import load_run
from fmclust.data import FashionMNIST, arrays
from fmclust.runs import read_assignments


def clusters_in(path: Path) -> list[int]:
    return [int(row["cluster"]) for row in rows_of(path)]


def test_names_that_are_no_utf_8_are_written_as_they_are(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    folder = os.fsencode(tmp_path / "old")
    os.mkdir(folder)
    Image.fromarray(np.eye(28, dtype=np.uint8)).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", folder + b"/\xfc.png")
    Path(os.fsdecode(folder + b"/\xe4.txt")).write_text("no picture")
    typed = (f"run={finished.directory}", "input=old", "output=a.csv")
    answer = command_line("assign", *typed)
    assert answer.status == 0 and "can't be read: \\udce4.txt" in answer.out
    assert b"\xfc.png," in (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("kind", ["npy", "channel", "idx", "idx.gz", "folder", "many"])
def test_any_input_gets_the_clusters_of_training(
    kind: str,
    finished: Finished,
    digits: dict[str, NDArray[np.uint8]],
    command_line: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = digits["test"]
    path = tmp_path / ("test-images-" + kind.replace("idx", "idx3-ubyte"))
    if kind in ("npy", "channel"):
        path = tmp_path / "images.npy"
        np.save(path, images[:, None] if kind == "channel" else images)
    elif kind == "folder":
        path.mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(path / f"{number:03} ü.png")
    elif kind == "idx.gz":
        path.write_bytes(gzip.compress(idx(images)))
    else:
        path = write_idx(tmp_path / "test-images-idx3-ubyte", images)
    if kind == "many":  # more than are read at once
        monkeypatch.setattr(arrays, "MAX_CHUNK", 28 * 28 * 7)
    answer = command_line("assign", f"run={finished.directory}", f"input={path}", "output=a.csv")
    assert answer.status == 0, answer.err
    first = load_run(finished.directory).clusterers[0]
    known = read_assignments(finished.directory, first)["test"]
    assert clusters_in(tmp_path / "a.csv") == known.tolist()
    assert "180 images are assigned" in answer.out
    assert "0 unreadable" in answer.out


def test_unreadable_pictures_stop_no_other(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    (folder / "in here").mkdir(parents=True)
    digits = load_digits().images * 15
    for number in range(20):
        picture = Image.fromarray(digits[number].astype(np.uint8)).resize((number + 8, 30))
        picture.convert("RGB").save(folder / "in here" / f"{number}.jpg")
    (folder / "text.png").write_text("no picture")
    cut = (folder / "in here" / "3.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    typed = (f"run={finished.directory}", f"input={folder}")
    answer = command_line("assign", *typed, "output=a.csv")
    assert answer.status == 0
    assert "20 images are assigned" in answer.out
    assert "2 unreadable" in answer.out
    rows = {row["image"]: row for row in rows_of(tmp_path / "a.csv")}
    assert len(rows) == 22
    assert rows["in here/3.jpg"]["cluster"]
    assert not rows["cut.jpg"]["cluster"]
    assert {name for name, row in rows.items() if row["error"]} == {"text.png", "cut.jpg"}
    strict = command_line("assign", *typed, "output=b.csv", "strict=true")
    assert strict.status == 1
    assert "2 images" in strict.err
    assert rows_of(tmp_path / "b.csv") == rows_of(tmp_path / "a.csv")


def test_an_input_of_the_other_brightness_is_noticed_and_can_be_inverted(
    finished: Finished,
    digits: dict[str, NDArray[np.uint8]],
    command_line: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "images.npy", 255 - digits["test"])
    typed = (f"run={finished.directory}", "input=images.npy")
    answer = command_line("assign", *typed, "output=a.csv")
    assert answer.status == 0
    assert "invert=true" in answer.out
    assert "180 images are marked as far" in answer.out
    inverted = command_line("assign", *typed, "output=b.csv", "invert=true", "clusterer=kmeans")
    assert inverted.status == 0
    assert "invert=" not in inverted.out
    known = read_assignments(finished.directory, "kmeans")["test"]
    assert clusters_in(tmp_path / "b.csv") == known.tolist()


def test_images_of_another_size_are_resized(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", (load_digits().images[:30] * 15).astype(np.uint8))
    typed = (f"run={finished.directory}", "input=images.npy", "output=a.csv")
    assert command_line("assign", *typed).status == 0
    assert len(rows_of(tmp_path / "a.csv")) == 30


def test_a_run_without_labels_names_no_class(
    run_digits: Callable[..., Finished], command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", load_digits().images * 15)
    run = run_digits("data=idx", f"data.root={tmp_path}", "model=pixels", "cluster=kmeans")
    typed = (f"run={run.directory}", f"input={tmp_path / 'train-images-idx3-ubyte'}")
    assert command_line("assign", *typed, "output=a.csv").status == 0
    rows = rows_of(tmp_path / "a.csv")
    assert {(row["class"], row["class_name"]) for row in rows} == {("", "")}
    assert sum(row["far"] == "1" for row in rows) < 10


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (("input=nowhere", "output=a.csv"), "input=.*nowhere"),
        (("input=empty", "output=a.csv"), "empty .*no file"),
        (("input=complex.npy", "output=a.csv"), "complex.npy.*complex128.*numbers"),
        (("input=lying-idx3-ubyte", "output=a.csv"), "lying-idx3-ubyte"),
        (("input=huge-idx3-ubyte", "output=a.csv"), "huge-idx3-ubyte"),
        (("input=floats.npy", "output=a.csv", "invert=no"), "invert=no .*true .*false"),
        (("input=text.npy", "output=a.csv"), "text.npy"),
        (("input=floats.npy", "output=floats.npy"), "output=.*floats.npy"),
        (("input=floats.npy", "output=a.csv", "clusterer=gm"), "clusterer=gmm"),
        (("input=floats.npy",), "output="),
    ],
)
def test_mistakes_are_answered_in_plain_words(
    typed: tuple[str, ...],
    text: str,
    finished: Finished,
    command_line: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "floats.npy", np.zeros((2, 28, 28)))
    np.save(tmp_path / "complex.npy", np.zeros((2, 28, 28), complex))
    (tmp_path / "text.npy").write_text("no array")
    header = bytes([0, 0, 8, 3])
    lying = header + np.array([2**32 - 1, 28, 28], ">u4").tobytes() + b"\0" * 28 * 28
    (tmp_path / "lying-idx3-ubyte").write_bytes(lying)
    huge = header + np.array([1, 2**32 - 1, 2**32 - 1], ">u4").tobytes()
    (tmp_path / "huge-idx3-ubyte").write_bytes(huge)
    answer = command_line("assign", f"run={finished.directory}", *typed)
    assert answer.refuses() and re.search(text, answer.err), answer.err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.real
@pytest.mark.xdist_group("real")
def test_the_real_images_as_pictures_get_exactly_the_clusters_of_training(
    real_run: Path, tmp_path: Path, command_line: Callable[..., Answer]
) -> None:
    data = FashionMNIST(root=str(REAL))
    known = read_assignments(real_run, "gmm")
    for split in ("val", "test"):
        folder = tmp_path / split
        folder.mkdir()
        for number, image in enumerate(data.splits[split].images[:, 0].numpy()):
            Image.fromarray(image).save(folder / f"{number:04}.png", compress_level=1)
        typed = (f"run={real_run}", f"input={folder}", f"output={split}.csv")
        assert command_line("assign", *typed).status == 0
        assert clusters_in(tmp_path / f"{split}.csv") == known[split].tolist()
    assert status_of(real_run)["border"] < 60
