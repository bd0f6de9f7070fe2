"""Files of arrays as people have them: layouts, types, names, splits, damage."""

import pickle
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fmclust.data import ArrayFiles, Form, Reading, open_input
from fmclust.data.arrays import ImageArray, usual_range
from fmclust.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 9), np.uint8)
IMAGES[0, 0, :2] = 0, 255
LABELS = np.arange(40) % 4


def source(path: Path, **settings: Any) -> ArrayFiles:
    return ArrayFiles(root=str(path), **settings)


def in_file_order(found: ArrayFiles) -> NDArray[np.uint8]:
    """Return the images of a file without splits in the order of the file."""
    held = found.splits.values()
    names = [int(name) for split in held for name in split.names]
    images = torch.cat([split.images for split in held])[:, 0].numpy()
    return np.asarray(images[np.argsort(names)])


@pytest.mark.parametrize(
    "values",
    [
        IMAGES,
        IMAGES[..., None],
        IMAGES[:, None],
        np.repeat(IMAGES[..., None], 3, axis=3),
        np.repeat(IMAGES[:, None], 3, axis=1),
        np.asfortranarray(IMAGES),
        IMAGES.astype(np.int64),
        IMAGES.astype(">u2"),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float16),
        IMAGES.astype(np.float32),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_any_layout_and_type_gives_the_same_images(values: NDArray[Any], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", values)
    found = source(tmp_path / "x.npy")
    assert np.array_equal(in_file_order(found), IMAGES)
    assert [len(split) for split in found.splits.values()] == [32, 4, 4]
    assert found.warnings == []

    opened = open_input(tmp_path / "x.npy", Reading(Form((8, 9)), 7, ranges=found.ranges))
    assert np.array_equal(np.concatenate([batch.images for batch in opened.batches]), IMAGES)
    assert opened.warnings() == []


def test_other_values_are_scaled_by_one_range_that_assign_uses(tmp_path: Path) -> None:
    values = IMAGES * 16.0 - 1000
    values[3, 3, 3], values[4, 4, 4] = np.nan, np.inf
    np.save(tmp_path / "x.npy", values)
    found = source(tmp_path / "x.npy")
    expected = IMAGES.copy()
    expected[3, 3, 3] = expected[4, 4, 4] = 0
    assert np.array_equal(in_file_order(found), expected)
    assert found.ranges == {"float": (-1000.0, 3080.0)}
    np.save(tmp_path / "half.npy", (values[:2] + 1000) / 2 - 1000)
    (batch,) = open_input(
        tmp_path / "half.npy", Reading(Form((8, 9)), 9, ranges=found.ranges)
    ).batches
    assert np.abs(batch.images - IMAGES[:2] / 2).max() <= 0.5
    unseen = open_input(tmp_path / "x.npy", Reading(Form((8, 9)), 99))
    next(unseen.batches)
    assert "no float pixels" in unseen.warnings()[0] and "-1000 to 3080" in unseen.warnings()[0]
    clipped = source(tmp_path / "x.npy", scale=[-1000, 1040])
    assert np.array_equal(in_file_order(clipped), np.minimum(expected * 2.0, 255))


def test_dark_and_light_are_swapped(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    assert np.array_equal(in_file_order(source(tmp_path, invert=True)), 255 - IMAGES)


@pytest.mark.parametrize("suffix", ["npz", "pt"])
@pytest.mark.parametrize("keras", [False, True])
def test_splits_and_labels_of_a_file_are_its_own(suffix: str, keras: bool, tmp_path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for split, rows in {"train": slice(20), "val": slice(20, 30), "test": slice(30, 40)}.items():
        names = (f"x_{split}", f"y_{split}") if keras else (f"{split}_images", f"{split}_labels")
        arrays |= {names[0]: IMAGES[rows], names[1]: LABELS[rows, None]}
    if suffix == "npz":
        np.savez_compressed(tmp_path / "set.npz", allow_pickle=False, **arrays)
    else:
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        torch.save(tensors, tmp_path / "set.pt")
    found = source(tmp_path)
    assert [len(split) for split in found.splits.values()] == [20, 10, 10]
    assert np.array_equal(found.splits["val"].images[:, 0].numpy(), IMAGES[20:30])
    assert found.splits["test"].labels is not None
    assert found.splits["test"].labels.tolist() == LABELS[30:].tolist()
    assert found.class_names == ("0", "1", "2", "3") and found.warnings == []
    opened = open_input(tmp_path / f"set.{suffix}", Reading(Form((8, 9)), 16))
    names_of_all = [name for batch in opened.batches for name in batch.names]
    assert opened.n_images == 40 and names_of_all[20] == "val/0"


def test_a_missing_split_is_drawn_at_random_from_a_file_sorted_by_class(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(3), 10)
    np.savez(tmp_path / "a.npz", x_train=IMAGES[:30], y_train=labels, x_test=IMAGES[30:])
    found = source(tmp_path)
    assert [len(split) for split in found.splits.values()] == [27, 3, 10]
    train, val = found.splits["train"], found.splits["val"]
    for split in (train, val):
        rows = [found.rank(name) for name in split.names]
        assert split.names[0] == f"train/{rows[0]}"
        assert np.array_equal(split.images[:, 0].numpy(), IMAGES[rows])
        assert split.labels is not None and split.labels.tolist() == labels[rows].tolist()
    assert train.labels is not None and {*train.labels.tolist()} == {0, 1, 2}
    assert found.splits["test"].names[3] == "test/3" and found.rank("test/3") == 33


def test_arrays_of_unknown_names_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES, targets=LABELS)
    found = source(tmp_path)
    assert found.splits and found.warnings == ["arrays of a.npz that are not used: targets"]
    np.savez(tmp_path / "a.npz", training_images=IMAGES, labels=LABELS, test_labels=LABELS)
    found = source(tmp_path)
    assert found.splits and found.class_names is None
    assert found.warnings == ["arrays of a.npz that are not used: labels, test_labels"]
    np.savez(tmp_path / "a.npz", train_images=IMAGES, train_labels=LABELS, labels=np.array(["x"]))
    found = source(tmp_path)
    assert found.splits and found.class_names == ("0", "1", "2", "3"), "labels names the classes"
    (tmp_path / "a.npz").unlink()
    torch.save({"images": torch.from_numpy(IMAGES), "labels": LABELS.tolist()}, tmp_path / "a.pt")
    assert source(tmp_path).splits["train"].labels is not None


def test_values_that_fill_little_of_the_usual_range_are_scaled_by_their_own(tmp_path: Path) -> None:
    dark, binary = IMAGES // 16, (IMAGES > 127).astype(np.uint8)
    for values in (dark.astype(int), dark.astype(float), binary.astype(int), dark / 100):
        np.save(tmp_path / "a.npy", values)
        found = source(tmp_path)
        assert max(int(split.images.max()) for split in found.splits.values()) == 255
        assert found.warnings == []
    np.save(tmp_path / "a.npy", binary)
    found = source(tmp_path)
    assert found.splits and "no pixel is brighter than 1 of 255" in found.warnings[0]
    ranged = source(tmp_path, scale=[0, 1])
    assert ranged.splits and "data.scale is not used" in ranged.warnings[0]


def test_labels_may_be_texts_or_marked_as_missing(tmp_path: Path) -> None:
    texts = np.array(["round", "square", "", "flat"])[LABELS]
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=texts)
    found = source(tmp_path / "a.npz")
    assert found.splits and found.class_names == ("flat", "round", "square")
    np.savez(tmp_path / "b.npz", images=IMAGES, labels=LABELS)
    found = source(tmp_path / "b.npz", unlabelled=3)
    assert found.splits and found.class_names == ("0", "1", "2")
    order = [int(name) for split in found.splits.values() for name in split.names]
    labels = [split.labels for split in found.splits.values()]
    flat = torch.cat([ids for ids in labels if ids is not None]).tolist()
    assert flat == [-1 if LABELS[row] == 3 else LABELS[row] for row in order]
    np.savez(tmp_path / "b.npz", images=IMAGES, labels=np.where(LABELS, "None", "x"))
    found = source(tmp_path / "b.npz")
    assert found.splits and found.class_names == ("None", "x")
    np.savez(tmp_path / "c.npz", images=IMAGES, labels=np.eye(40)[:, :5])
    found = source(tmp_path / "c.npz")
    assert found.splits and found.class_names is None and "(40, 5)" in found.warnings[0]


def test_a_pair_of_tensors_and_a_tensor_alone(tmp_path: Path) -> None:
    tensor = torch.from_numpy(IMAGES)
    torch.save((tensor, torch.from_numpy(LABELS)), tmp_path / "pair.pt")
    torch.save((tensor / 255).bfloat16(), tmp_path / "alone.pt")
    assert source(tmp_path / "pair.pt").splits["train"].labels is not None
    assert np.abs(in_file_order(source(tmp_path / "alone.pt")) - IMAGES.astype(int)).max() <= 1


def test_a_list_of_tensors_is_one_image_each(tmp_path: Path) -> None:
    torch.save([*torch.from_numpy(IMAGES)], tmp_path / "a.pt")
    assert np.array_equal(in_file_order(source(tmp_path / "a.pt")), IMAGES)
    three = (torch.from_numpy(IMAGES), torch.from_numpy(LABELS), torch.arange(40))
    torch.save(three, tmp_path / "b.pt")
    assert source(tmp_path / "b.pt").splits["train"].labels is not None


def test_names_are_those_that_assign_gives(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train_images=IMAGES)
    trained = source(tmp_path / "a.npz").splits
    opened = open_input(tmp_path / "a.npz", Reading(Form((8, 8)), 16))
    assigned = [name for batch in opened.batches for name in batch.names]
    assert sorted(name for held in trained.values() for name in held.names) == sorted(assigned)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("name", ["object.npy", "object.npz", "object.pt", "pickle.npy"])
def test_no_code_of_a_file_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "pickle.npy":
        Path(name).write_bytes(pickle.dumps(Evil()))
    elif name == "object.npy":
        np.save(name, np.array([Evil()] * 40, object), allow_pickle=True)
    elif name == "object.npz":
        np.savez(name, images=np.array([Evil()] * 40, object))
    else:
        torch.save({"images": Evil()}, name)
    with pytest.raises(UserError, match=name) as caught:
        source(Path(name)).read()
    assert not re.search("allow_pickle|weights_only", str(caught.value))
    with pytest.raises(UserError, match=name):
        open_input(Path(name), Reading(Form((8, 9)), 16))
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"a": IMAGES, "b": IMAGES}, "a, b"),
        ({"images": IMAGES.astype(complex)}, "complex"),
        ({"images": IMAGES.reshape(40, -1)}, r"\(40, 72\)"),
        ({"images": np.zeros((40, 0, 8))}, r"\(40, 0, 8\)"),
        ({"test_images": IMAGES}, "train_images"),
        ({"train_images": IMAGES, "test_images": IMAGES[:, :5]}, "5x9, 8x9"),
        ({"images": IMAGES[:3]}, "too few"),
        (
            {"images": IMAGES, "train_images": IMAGES},
            "images and train_images, which both are the images of train",
        ),
        ({"images": IMAGES, "x_val": IMAGES, "validation_images": IMAGES}, "the images of val"),
        ({"images": IMAGES, "labels": LABELS + 0.5}, "0.5"),
    ],
)
def test_what_is_no_set_of_images_is_refused(
    arrays: dict[str, Any], named: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=named):
        source(tmp_path).read()


def test_images_that_no_finished_run_could_have_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 8, 1025), np.uint8))
    with pytest.raises(UserError, match="8x1025 pixels, more than 1024 a side"):
        _ = source(tmp_path).splits


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(UserError, match=r"not a \.npy file"):
        source(tmp_path).read()
    torch.save({"layer": {"weight": torch.zeros(3)}}, tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"model\.pt"):
        source(tmp_path / "model.pt").read()


def test_values_outside_the_range_of_a_run_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES.astype(np.float32))
    ranges = {"float": (0.0, 1.0)}
    (text,) = open_input(tmp_path / "a.npy", Reading(Form((8, 9)), 16, ranges=ranges)).warnings()
    assert "0 to 255" in text and "0 to 1" in text
    np.save(tmp_path / "a.npy", IMAGES / np.float32(254.9))  # a little above
    assert not open_input(tmp_path / "a.npy", Reading(Form((8, 9)), 16, ranges=ranges)).warnings()


def test_the_file_is_found_or_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.root=<a .npy"):
        source(tmp_path)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", IMAGES)
    with pytest.raises(UserError, match=r"2 files.*a\.npy"):
        source(tmp_path)


@settings(max_examples=25)  # thousands: tests/faults/test_damaged_files.py
@given(st.sampled_from(["npy", "npz", "pt"]), st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_is_read_or_one_line(suffix: str, place: int, change: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        if suffix == "npy":
            np.save(path, IMAGES)
        elif suffix == "npz":
            np.savez_compressed(path, images=IMAGES)
        else:
            torch.save(torch.from_numpy(IMAGES), path)
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= change
        path.write_bytes(content)
        text = ""
        with suppress(UserError):
            try:
                images = source(path).splits["train"].images
            except UserError as error:
                text = str(error)
                raise
            assert images.dtype == torch.uint8
        assert "\n" not in text


def test_a_range_is_usual_if_it_holds_all() -> None:
    assert usual_range((0, 1)) == (0, 1) and usual_range((0, 2)) == (0, 255)
    assert usual_range((-1, 1)) is None and usual_range((0, 256)) is None
    assert ImageArray(np.full((2, 3, 3), np.nan)).limits() == (0, 0)


def test_whole_numbers_and_floats_of_one_set_have_one_range(tmp_path: Path) -> None:
    deep = IMAGES.astype(int) * 16
    np.savez(tmp_path / "a.npz", train_images=deep[:30], test_images=deep[30:] / 2)
    found = source(tmp_path)
    test = found.splits["test"].images[:, 0].numpy()
    assert np.abs(test - IMAGES[30:] / 2).max() <= 1 and len({*found.ranges.values()}) == 1
    np.savez(
        tmp_path / "a.npz", train_images=IMAGES[:30] / 255, test_images=IMAGES[30:].astype(int)
    )
    assert np.array_equal(source(tmp_path).splits["test"].images[:, 0].numpy(), IMAGES[30:])
