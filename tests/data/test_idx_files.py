"""Idx files as people have them: names, types of labels, labels that mark none."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from conftest import idx, write_idx
from numpy.typing import NDArray

from fmclust.data import Form, Reading, number_unlabelled, open_input
from fmclust.data.idx_files import IdxFiles
from fmclust.data.labels import classes_of, whole_labels
from fmclust.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8))
DIGITS = np.arange(30) % 3
CODES = {"b": 9, "h": 0x0B, "i": 0x0C, "f": 0x0D, "d": 0x0E}


def write_labels(path: Path, labels: NDArray[np.number], kind: str) -> None:
    header = bytes([0, 0, CODES[kind], labels.ndim]) + np.array(labels.shape, ">u4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + labels.astype(f">{kind}").tobytes())


def labels_of(source: IdxFiles) -> list[int]:
    found = [split.labels for split in source.splits.values()]
    return [int(label) for labels in found if labels is not None for label in labels]


@pytest.mark.parametrize(
    ("images", "labels", "held_out"),
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte"),
        (
            "emnist-letters-train-images-idx3-ubyte",
            "emnist-letters-train-labels-idx1-ubyte",
            "emnist-letters-test-images-idx3-ubyte",
        ),
        ("Train_Images.idx3-ubyte", "Train_Labels.idx1-ubyte", "Test_Images.idx3-ubyte"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_near_names_are_read(
    images: str, labels: str, held_out: str, compressed: bool, tmp_path: Path
) -> None:
    for name, array in {images: IMAGES, labels: DIGITS, held_out: IMAGES[:10]}.items():
        content = gzip.compress(idx(array)) if compressed else idx(array)
        (tmp_path / f"{name}{'.gz' * compressed}").write_bytes(content)
    source = IdxFiles(root=str(tmp_path))
    assert [len(split) for split in source.splits.values()] == [30, 5, 5]
    assert source.class_names == ("0", "1", "2") and source.warnings == []
    assert labels_of(source) == DIGITS.tolist(), "the held-out images have no labels"


def test_several_sets_in_a_folder_are_listed_and_one_can_be_chosen(tmp_path: Path) -> None:
    for prefix, n in (("emnist-digits", 20), ("emnist-letters", 30), ("2020", 25)):
        write_idx(tmp_path / f"{prefix}-train-images-idx3-ubyte", IMAGES[:n])
    write_idx(tmp_path / "emnist-mnist-test-images-idx3-ubyte", IMAGES)
    with pytest.raises(UserError, match="3 sets.* data.prefix=emnist-digits or data.prefix=emnist"):
        _ = IdxFiles(root=str(tmp_path)).splits
    with pytest.raises(UserError, match="type data.prefix=emnist-letters"):
        _ = IdxFiles(root=str(tmp_path), prefix="emnist-leters").splits
    for prefix, n_train in ({"emnist-letters": 24, "2020": 21}).items():
        assert len(IdxFiles(root=str(tmp_path), prefix=prefix).splits["train"]) == n_train


def test_the_prefix_of_a_run_chooses_what_is_assigned(tmp_path: Path) -> None:
    for prefix in ("a", "b"):
        write_idx(tmp_path / f"{prefix}-train-images-idx3-ubyte", IMAGES)
    for chosen, n in (("a", 30), (None, 60), ("c", 60)):
        settings = Reading(Form((28, 28)), 64, prefix=chosen)
        assert open_input(tmp_path, settings).n_images == n


def test_a_damaged_file_beside_another_is_named_when_assigning(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"no images")
    opened = open_input(tmp_path, Reading(Form((28, 28)), 64))
    assert sum(len(batch.images) for batch in opened.read()) == 30
    assert "t10k-images-idx3-ubyte" in " ".join(opened.warnings())


def test_two_files_of_one_kind_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    assert len(IdxFiles(root=str(tmp_path)).splits["train"]) == 24, "the same file, compressed"
    write_idx(tmp_path / "train-images.idx3-ubyte", IMAGES)
    with pytest.raises(UserError, match="train-images-idx3-ubyte.gz and train-images.idx3-ubyte"):
        _ = IdxFiles(root=str(tmp_path)).splits


def test_a_folder_above_the_files_names_theirs(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte", IMAGES)
    with pytest.raises(UserError, match=f"type data.root={tmp_path}/MNIST/raw"):
        _ = IdxFiles(root=str(tmp_path)).splits


@pytest.mark.parametrize("kind", CODES)
def test_labels_of_any_type_are_the_classes_that_occur(kind: str, tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_labels(tmp_path / f"train-labels-idx1-{kind}", np.array([7, -100, 65])[DIGITS], kind)
    source = IdxFiles(root=str(tmp_path))
    labels = labels_of(source)
    rows = [source.rank(name) for split in source.splits.values() for name in split.names]
    assert labels == np.array([1, 0, 2])[DIGITS[rows]].tolist()
    assert sorted(rows) == [*range(len(DIGITS))] != rows, "files sorted by class are mixed"
    assert source.class_names == ("-100", "7", "65")


def test_of_qmnists_table_the_first_column_is_read(tmp_path: Path) -> None:
    table = np.random.default_rng(0).integers(0, 10**6, (30, 8))
    table[:, 0] = DIGITS + 4
    write_idx(tmp_path / "qmnist-train-images-idx3-ubyte", IMAGES)
    write_labels(tmp_path / "qmnist-train-labels-idx2-int", table, "i")
    write_idx(tmp_path / "qmnist-test-images-idx3-ubyte", IMAGES[:12])
    write_labels(tmp_path / "qmnist-test-labels-idx2-int", table[:12], "i")
    source = IdxFiles(root=str(tmp_path))
    assert labels_of(source) == [*DIGITS, *DIGITS[:12]]
    assert source.class_names == ("4", "5", "6")


def test_a_table_that_is_not_qmnists_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_idx(tmp_path / "train-labels-idx2-ubyte", np.eye(8)[DIGITS])
    with pytest.raises(UserError, match=r"labels \(30, 8\), expected"):
        _ = IdxFiles(root=str(tmp_path)).splits


def test_a_value_marks_images_without_a_label(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", IMAGES[:10])
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.where(DIGITS == 0, 255, DIGITS))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.full(10, 255))
    plain = IdxFiles(root=str(tmp_path))
    assert plain.splits["test"].labels is not None and plain.class_names == ("1", "2", "255")
    assert len(plain.warnings) == 1 and "type data.unlabelled=255" in plain.warnings[0]
    marked = IdxFiles(root=str(tmp_path), unlabelled=255)
    assert labels_of(marked) == np.array([-1, 0, 1])[DIGITS].tolist()
    assert marked.splits["val"].labels is None, "no image of it has a label"
    assert number_unlabelled(marked.splits) == 20
    assert marked.class_names == ("1", "2") and marked.warnings == []
    other = IdxFiles(root=str(tmp_path), unlabelled=7)
    assert other.splits and other.warnings == ["no label is 7, the value of data.unlabelled"]


def test_images_of_which_none_is_labelled_have_no_classes(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.full(30, 255))
    source = IdxFiles(root=str(tmp_path), unlabelled=255)
    assert labels_of(source) == [] and source.class_names is None
    assert number_unlabelled(source.splits) == 0


def test_files_of_labels_that_are_not_used_are_named(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", IMAGES)
    (tmp_path / "Labels.txt").write_text("0\n1\n")
    source = IdxFiles(root=str(tmp_path))
    assert source.splits and "Labels.txt is not used" in source.warnings[0]


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf, -np.inf, 1e30, 2.0**63])
def test_labels_that_are_no_whole_numbers_of_64_bits_are_refused(wrong: float) -> None:
    with pytest.raises(UserError, match=r"it holds the label"):
        whole_labels(np.array([1, wrong]), "it")
    with pytest.raises(UserError, match="18446744073709551615"):
        whole_labels(np.array([1, 2**64 - 1], np.uint64), "it")


def test_classes_are_numbered_over_all_splits() -> None:
    names, classes = classes_of({"train": np.array([9, -3]), "t10k": np.array([4, 9])}, None)
    assert names == ("-3", "4", "9")
    assert {name: ids.tolist() for name, ids in classes.items()} == {
        "train": [2, 0],
        "t10k": [1, 2],
    }
