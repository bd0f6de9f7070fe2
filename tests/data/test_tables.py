"""Tables of pixels as people have them: Kaggle's names, no names, labels as text, parts."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fmclust.data import Form, Reading, TableFiles, open_input, tables
from fmclust.data.scales import to_bytes
from fmclust.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
LABELS = np.arange(40) % 4


def table(names: str = "pixel{}", **more: Any) -> pd.DataFrame:
    columns = [names.format(i + 1) for i in range(64)]
    pixels = pd.DataFrame(IMAGES.reshape(40, 64), columns=columns)
    return pd.concat([pd.DataFrame(more), pixels], axis=1)


def in_file_order(found: TableFiles) -> NDArray[np.uint8]:
    held = found.splits.values()
    order = np.argsort([int(name) for split in held for name in split.names])
    return np.concatenate([split.images[:, 0].numpy() for split in held])[order]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (table(label=LABELS), ("0", "1", "2", "3")),
        (table("{}", Class=np.array(["a", "b", "c", "d"])[LABELS]), ("a", "b", "c", "d")),
        (table("1x{}", id=np.arange(40)), None),
        (table(label=np.where(LABELS < 3, LABELS, np.nan)), ("0", "1", "2")),
        (table() / 255, None),
    ],
    ids=["numbers", "texts", "none", "missing", "floats"],
)
def test_named_columns_are_pixels_and_a_label(
    frame: pd.DataFrame, names: tuple[str, ...] | None, suffix: str, tmp_path: Path
) -> None:
    frame.to_csv(tmp_path / f"a.{suffix}", index="id" not in frame)
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == names and found.warnings == []
    opened = open_input(tmp_path / f"a.{suffix}", Reading(Form((8, 8)), 16, ranges=found.ranges))
    assert np.array_equal(np.concatenate([batch.images for batch in opened.batches]), IMAGES)


def test_rows_may_end_in_a_separator_that_the_header_lacks(tmp_path: Path) -> None:
    names, *rows = table(label=LABELS).to_csv(index=False).splitlines()
    (tmp_path / "a.csv").write_text("\n".join([names, *(f"{row}," for row in rows)]))
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == ("0", "1", "2", "3")


def test_a_table_with_the_names_of_rows_as_r_writes_it(tmp_path: Path) -> None:
    text = table(label=LABELS).to_csv().removeprefix(",")
    (tmp_path / "a.csv").write_text(text)
    assert np.array_equal(in_file_order(TableFiles(root=str(tmp_path))), IMAGES)


def test_names_of_rows_are_kept_apart_from_labels(tmp_path: Path) -> None:
    frame = table().assign(label=np.where(LABELS == 9, 1, np.nan))  # none has a label
    frame.index = pd.Index(np.arange(40) * 3 + 7)
    (tmp_path / "a.csv").write_text(frame.to_csv().removeprefix(","))
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES) and found.class_names is None


def test_numbers_of_pandas_are_no_names(tmp_path: Path) -> None:
    pd.DataFrame(np.c_[LABELS, IMAGES.reshape(40, 64)]).to_csv(tmp_path / "a.csv", index=False)
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == ("0", "1", "2", "3")


def test_a_row_that_is_cut_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK", 10)
    text = table(label=LABELS).to_csv(index=False)
    (tmp_path / "a.csv").write_text(text[:-100])
    with pytest.raises(UserError, match="pixels are missing in row 39, counted from 0"):
        _ = TableFiles(root=str(tmp_path)).splits


def test_tables_that_are_not_assigned_are_named(tmp_path: Path) -> None:
    for name in ("train", "test", "extra"):
        table().to_csv(tmp_path / f"{name}.csv", index=False)
    opened = open_input(tmp_path, Reading(Form((8, 8)), 16))
    assert opened.n_images == 80
    assert opened.warnings() == ["tables not named after a split are not used: extra.csv"]


def test_pixels_of_two_values_or_of_a_typed_range_become_0_to_255(tmp_path: Path) -> None:
    (table() > 127).astype(int).to_csv(tmp_path / "a.csv", index=False)
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), np.where(IMAGES > 127, 255, 0))
    assert in_file_order(TableFiles(root=str(tmp_path), scale=[0, 5])).max() == 51


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_table_may_be_saved_by_excel_on_windows(suffix: str, tmp_path: Path) -> None:
    frame = table(Größe=np.where(LABELS < 2, "groß", "klein"))
    frame.to_csv(tmp_path / f"a.{suffix}", index=False, sep=";", encoding="cp1252")
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == ("groß", "klein")


@pytest.mark.parametrize("labelled", [True, False])
def test_columns_without_names(labelled: bool, tmp_path: Path) -> None:
    frame = table(label=LABELS) if labelled else table()
    frame.to_csv(tmp_path / "a.csv", index=False, header=False)
    found = TableFiles(root=str(tmp_path / "a.csv"))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == (("0", "1", "2", "3") if labelled else None)


def test_tables_named_after_splits_are_splits(tmp_path: Path) -> None:
    table(label=LABELS)[:30].to_csv(tmp_path / "fashion-mnist_train.csv", index=False)
    table()[30:].to_csv(tmp_path / "test.csv", index=False)  # without labels, as Kaggle's
    found = TableFiles(root=str(tmp_path))
    assert {name: len(split) for name, split in found.splits.items()} == {
        "train": 27,
        "val": 3,
        "test": 10,
    }
    assert np.array_equal(found.splits["test"].images[:, 0].numpy(), IMAGES[30:])
    assert found.splits["test"].labels is None and found.splits["train"].labels is not None


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_three_columns_for_a_pixel_are_its_colour(
    named: bool, labelled: bool, tmp_path: Path
) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (40, 6, 6, 3), np.uint8)
    names = [f"pixel{n:04}" for n in range(108)]
    frame = pd.DataFrame(colours.reshape(40, 108), columns=names)
    if labelled:
        frame.insert(0, "label", LABELS)
    frame.to_csv(tmp_path / "a.csv", index=False, header=named)
    found = TableFiles(root=str(tmp_path), color="auto")
    held = found.splits.values()
    order = np.argsort([int(name) for split in held for name in split.names])
    images = np.concatenate([split.images.numpy() for split in held])[order]
    assert np.array_equal(np.moveaxis(images, 1, 3), colours)
    assert (found.class_names is not None) == labelled
    sized = TableFiles(root=str(tmp_path), color="auto", image_size=[4, 9])
    assert sized.image_shape == (3, 4, 9)


def test_images_that_are_no_squares(tmp_path: Path) -> None:
    table(label=LABELS).drop(columns="pixel64").to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(UserError, match=r"63 columns.*'data.image_size="):
        TableFiles(root=str(tmp_path)).read()
    found = TableFiles(root=str(tmp_path), image_size=[7, 9])
    assert found.image_shape == (1, 7, 9)
    with pytest.raises(UserError, match=r"data.image_size=\(9, 9\)"):
        table().to_csv(tmp_path / "a.csv", index=False)
        TableFiles(root=str(tmp_path), image_size=9).read()
    (batch,) = open_input(tmp_path / "a.csv", Reading(Form((16, 16)), 99)).batches
    assert batch.images.shape == (40, 16, 16)


def test_what_is_no_table_of_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.root=<a .csv file>"):
        TableFiles(root=str(tmp_path))
    (tmp_path / "a.csv").write_text("name,age\nx,3\ny,4\n")
    with pytest.raises(UserError, match="name, age"):
        TableFiles(root=str(tmp_path)).read()
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(UserError, match="2 tables"):
        TableFiles(root=str(tmp_path))


@settings(max_examples=25)  # thousands: tests/faults/test_damaged_files.py
@given(st.booleans(), st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_changed_bytes_are_read_or_one_line(packed: bool, place: int, change: bytes) -> None:
    import tempfile

    content = table(label=LABELS).to_csv(index=False).encode()
    content = gzip.compress(content, mtime=0) if packed else content
    start = place % len(content)
    content = content[:start] + change + content[start + len(change) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.csv.gz" if packed else "a.csv")
        path.write_bytes(content)
        text = ""
        try:
            found = TableFiles(root=str(path)).splits
        except UserError as error:
            text = str(error)
        else:
            text = "" if found["train"].images.numel() else "empty"
    assert "\n" not in text and text != "empty"


def test_kaggles_sample_submission_is_not_used(tmp_path: Path) -> None:
    table(label=LABELS).to_csv(tmp_path / "train.csv", index=False)
    table().to_csv(tmp_path / "test.csv", index=False)
    pd.DataFrame({"ImageId": [1], "Label": [0]}).to_csv(tmp_path / "sample_submission.csv")
    found = TableFiles(root=str(tmp_path))
    assert {name: len(split) for name, split in found.splits.items()} == {
        "train": 36,
        "val": 4,
        "test": 40,
    }
    assert len(found.warnings) == 1 and "sample_submission.csv" in found.warnings[0]
    opened = open_input(tmp_path, Reading(Form((8, 8)), 16))
    batches = [*opened.read()]
    assert opened.n_images == 80 and batches[-1].names[-1] == "test.csv: 39"
    assert np.array_equal(np.concatenate([b.images for b in batches]), np.tile(IMAGES, (2, 1, 1)))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_any_separator_is_recognised(separator: str, tmp_path: Path) -> None:
    table(label=LABELS).to_csv(tmp_path / "a.csv", index=False, sep=separator)
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)


def test_tables_of_one_set_have_one_range_whatever_their_values(tmp_path: Path) -> None:
    pixels = table().filter(like="pixel").astype(int) * 80
    (tmp_path / "set").mkdir()
    pixels.replace(pixels.to_numpy().max(), 60000).to_csv(tmp_path / "set/train.csv", index=False)
    pixels.astype("UInt16").to_csv(tmp_path / "set/test.csv", index=False)
    found = TableFiles(root=str(tmp_path / "set"))
    expected = to_bytes(pixels.to_numpy(float).reshape(-1, 8, 8), (0, 60000))
    assert np.array_equal(found.splits["test"].images[:, 0].numpy(), expected)
    assert found.ranges == {"integer": (0, 60000)}
    pixels.astype(float).to_csv(tmp_path / "floats.csv", index=False)
    for known, path in ((found.ranges, tmp_path / "floats.csv"), ({}, tmp_path / "set")):
        opened = open_input(path, Reading(Form((8, 8)), 64, ranges=known))
        images = np.concatenate([batch.images for batch in opened.read()])
        assert np.array_equal(images[-40:], expected)


def test_without_names_the_size_says_whether_there_is_a_label(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (30, 600))
    path = tmp_path / "a.csv"
    pd.DataFrame(values).to_csv(path, index=False, header=False)
    found = TableFiles(root=str(path), image_size=[20, 30])
    assert found.splits["train"].images.shape[1:] == (1, 20, 30) and found.class_names is None
    frame = pd.DataFrame(np.c_[np.arange(30) % 3, values, values[:, :360]])  # 961 columns: 31 x 31
    frame.to_csv(path, index=False, header=False)
    found = TableFiles(root=str(path), image_size=[30, 32])
    assert found.splits["train"].images.shape[1:] == (1, 30, 32)
    assert found.class_names == ("0", "1", "2")


@pytest.mark.parametrize("numbers", [[1234567, 1234568, 1234569], [0, 1, 2]])
def test_labels_keep_their_names_if_one_is_missing(numbers: list[int], tmp_path: Path) -> None:
    labels = np.array(numbers)[LABELS % 3].astype(float)
    table(label=labels).to_csv(tmp_path / "train.csv", index=False)
    table(label=np.where(np.arange(40) == 7, np.nan, labels)).to_csv(tmp_path / "test.csv")
    found = TableFiles(root=str(tmp_path))
    test = found.splits["test"].labels
    assert found.class_names == tuple(map(str, numbers))
    assert (
        test is not None and test.tolist() == np.where(np.arange(40) == 7, -1, LABELS % 3).tolist()
    )
    marked = TableFiles(root=str(tmp_path), unlabelled=numbers[0])
    assert marked.splits and marked.class_names == tuple(map(str, numbers[1:]))


def test_text_among_pixels_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = table().astype(str)
    frame.iloc[3, 5] = "n/a?"
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="n/a"):
        TableFiles(root=str(tmp_path)).read()
