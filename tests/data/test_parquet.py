"""Parquet files: Hugging Face's pictures, columns of pixels, broken rows; and tables written."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Answer, Finished
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fmclust.data import Form, Reading, TableFiles, open_input
from fmclust.data.parquet import _size_in_memory
from fmclust.errors import UserError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 12), np.uint8)
LABELS = np.arange(40) % 3


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


ENCODED = [png(image) for image in IMAGES]


def write(path: Path, encoded: list[bytes], *, names: bool = True, **columns: Any) -> Path:
    """Write pictures as Hugging Face does, with the names of the classes in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [{"bytes": content, "path": None} for content in encoded]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(pictures, kind), **columns})
    features = {"label": {"names": ["cat", "dog", "ant"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if names else {}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def in_file_order(found: TableFiles) -> NDArray[np.uint8]:
    held = found.splits.values()
    order = np.argsort([int(name) for split in held for name in split.names])
    return np.concatenate([split.images[:, 0].numpy() for split in held])[order]


@pytest.mark.parametrize("names", [True, False])
def test_pictures_and_labels_of_hugging_face(names: bool, tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", ENCODED, label=LABELS, names=names)
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    assert found.class_names == (("ant", "cat", "dog") if names else ("0", "1", "2"))
    first = next(split for split in found.splits.values() if "4" in split.names)
    assert first.labels is not None and found.class_names is not None
    label = first.labels[list(first.names).index("4")]
    assert found.class_names[int(label)] == ("dog" if names else "1")
    assert TableFiles(root=str(tmp_path), image_size=[8, 9]).image_shape == (1, 8, 9)


def test_parts_of_splits_in_a_folder_of_data(tmp_path: Path) -> None:
    for part in (0, 1):
        rows = slice(15 * part, 15 * part + 15)
        name = f"data/train-0000{part}-of-00002.parquet"
        write(tmp_path / name, ENCODED[rows], label=LABELS[rows])
    write(tmp_path / "data" / "test-00000-of-00001.parquet", ENCODED[30:], label=LABELS[30:])
    found = TableFiles(root=str(tmp_path))
    assert [len(split) for split in found.splits.values()] == [27, 3, 10]
    images = np.concatenate([found.splits[name].images[:, 0] for name in ("train", "val")])
    names = [*found.splits["train"].names, *found.splits["val"].names]
    positions = [found.rank(name) for name in names]
    assert names[0] == "train-0000{}-of-00002.parquet: {}".format(*divmod(positions[0], 15))
    assert np.array_equal(images, IMAGES[positions])
    assert sorted(positions) == [*range(30)] != positions


def test_deep_pictures_of_all_splits_have_one_range(tmp_path: Path) -> None:
    deep = (IMAGES.astype(np.uint16) * 8)[:, :, :8]
    dark = (deep[:10] // 4, deep[10:])
    for name, images in zip(("test", "train"), dark, strict=True):
        write(tmp_path / f"{name}.parquet", [png(image) for image in images])
    found = TableFiles(root=str(tmp_path))
    low, high = int(min(d.min() for d in dark)), int(max(d.max() for d in dark))
    assert found.read()["test"].images.max() <= 64
    assert found.ranges == {"integer": (low, high)}
    assert any("data.scale=" in text for text in found.warnings)
    known = TableFiles(root=str(tmp_path), scale=[0, 4080])
    test = np.rint(dark[0] / 4080 * 255)
    assert np.array_equal(known.splits["test"].images[:, 0].numpy(), test)
    assert known.ranges == {"integer": (0, 4080)}
    opened = open_input(tmp_path / "test.parquet", Reading(Form((8, 8)), 16, ranges=known.ranges))
    assert np.array_equal(np.concatenate([batch.images for batch in opened.read()]), test)


def test_bytes_alone_and_columns_of_pixels(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"png": ENCODED, "class": [*"xyz"] * 13 + ["x"]}), tmp_path / "a.parquet"
    )
    found = TableFiles(root=str(tmp_path / "a.parquet"))
    assert np.array_equal(in_file_order(found), IMAGES) and found.class_names == ("x", "y", "z")
    frame = pd.DataFrame(IMAGES[:, :8, :8].reshape(40, 64)).add_prefix("pixel")
    frame.insert(0, "label", LABELS)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "b.parquet")
    found = TableFiles(root=str(tmp_path / "b.parquet"))
    assert np.array_equal(in_file_order(found), IMAGES[:, :8, :8])
    assert found.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("array", IMAGES),
        ("image", IMAGES.astype(float)),
        ("image", IMAGES[..., None]),
        ("pixel_values", IMAGES[:, None].astype(np.int64)),
        ("pixels", IMAGES.reshape(40, -1)),
    ],
)
def test_lists_of_pixels(column: str, values: NDArray[Any], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"latents": [[0.5] * 16] * 40, column: values.tolist(), "label": LABELS})
    pq.write_table(table, path)
    found = TableFiles(root=str(path), image_size=[8, 12])
    assert np.array_equal(in_file_order(found), IMAGES) and found.class_names == ("0", "1", "2")
    opened = open_input(path, Reading(Form((8, 12)), 16))
    assert np.array_equal(np.concatenate([batch.images for batch in opened.read()]), IMAGES)


def test_the_column_of_images_is_the_one_with_their_name_or_the_only_one(tmp_path: Path) -> None:
    lists, boxes = IMAGES.tolist(), [[[1, 2, 3, 4]]] * 40
    table = pa.table({"md5": [b"x"] * 40, "box": boxes, "image": lists})
    pq.write_table(table, tmp_path / "a.parquet")
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES)
    without = table.drop_columns("md5").rename_columns(["box", "data"])
    pq.write_table(without, tmp_path / "a.parquet")
    with pytest.raises(UserError, match="box and data may each hold the images"):
        TableFiles(root=str(tmp_path)).read()


@pytest.mark.parametrize("lists", [[[1, 2], [3]], [[[1], [2]], [[3]]], [[1, 2], None], [[1, None]]])
def test_lists_of_pixels_that_are_no_images_are_refused(lists: list[Any], tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": lists * 10}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="lists of several lengths|(pixels|images) are missing"):
        TableFiles(root=str(tmp_path)).read()


def test_labels_may_be_missing_and_columns_have_any_order(tmp_path: Path) -> None:
    labels = pa.array([None, *LABELS[1:].tolist()])
    other = pa.array([b"mask"] * 40)
    table = pa.table({"mask": other, "image": pa.array(ENCODED), "label": labels})
    pq.write_table(table, tmp_path / "a.parquet")
    found = TableFiles(root=str(tmp_path))
    assert np.array_equal(in_file_order(found), IMAGES) and found.class_names == ("0", "1", "2")
    labelled = {
        name: int(ids[row])
        for split in found.splits.values()
        for ids in [split.labels]
        if ids is not None
        for row, name in enumerate(split.names)
    }
    assert labelled.pop("0") == -1 and labelled == {str(n): LABELS[n] for n in range(1, 40)}


def test_rows_that_are_no_pictures_are_named(
    tmp_path: Path, finished: Finished, command_line: Callable[..., Answer]
) -> None:
    broken = [*ENCODED]
    broken[3], broken[7] = b"no picture", b""
    path = write(tmp_path / "a.parquet", broken, label=LABELS)
    found = TableFiles(root=str(path))
    assert found.splits and {*found.unreadable} == {"a.parquet: 3", "a.parquet: 7"}
    for split in found.splits.values():
        assert all(
            np.array_equal(image[0], IMAGES[int(name)])
            for name, image in zip(split.names, split.images, strict=True)
        )
    opened = open_input(path, Reading(Form((8, 12)), 16))
    batches = [*opened.batches]
    assert opened.n_images == 40 and [*batches[0].reasons] == [3, 7]
    assert batches[0].names[:5] == ["0", "1", "2", "3", "4"]

    typed = ("assign", f"run={finished.directory}", f"input={path}")
    for name in ("a.csv", "b.parquet"):
        answer = command_line(*typed, f"output={name}")
        assert answer.status == 0, answer.err
    csv, parquet = pd.read_csv("a.csv"), pd.read_parquet("b.parquet")
    assert [*csv.columns] == [*parquet.columns] and len(csv) == len(parquet) == 40
    assert csv["cluster"].fillna(-9).tolist() == parquet["cluster"].fillna(-9).tolist()
    assert parquet["error"].notna().sum() == 2 and parquet["image"].tolist() == [
        *map(str, range(40))
    ]
    assert np.allclose(csv["distance"].dropna(), parquet["distance"].dropna(), rtol=1e-4)


def test_without_the_extra_it_is_named(
    tmp_path: Path,
    finished: Finished,
    command_line: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "a.parquet", ENCODED)
    np.save("x.npy", IMAGES)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = command_line("assign", f"run={finished.directory}", "input=x.npy", "output=b.parquet")
    assert answer.refuses("output=b.parquet needs the extra parquet", "'fmclust[parquet]'")
    with pytest.raises(UserError, match=r"extra parquet: type pip install 'fmclust\[parquet\]'"):
        TableFiles(root=str(tmp_path)).read()


@pytest.mark.parametrize(
    ("columns", "named"), [({"text": ["a"] * 40}, "text"), ({"png": [b"x"] * 40}, "no readable")]
)
def test_other_tables_are_refused(columns: dict[str, Any], named: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=named):
        TableFiles(root=str(tmp_path)).read()


@settings(max_examples=25)  # thousands: tests/faults/test_damaged_files.py
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_changed_bytes_are_read_or_one_line(place: int, change: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.parquet", ENCODED[:14], label=LABELS[:14])
        content = path.read_bytes()
        start = place % len(content)
        path.write_bytes(content[:start] + change + content[start + len(change) :])
        text = ""
        try:
            n_images = sum(map(len, TableFiles(root=str(path)).splits.values()))
        except UserError as error:
            text, n_images = str(error), 14
        assert "\n" not in text and 0 < n_images <= 14


def test_only_columns_that_are_read_count_as_memory(tmp_path: Path) -> None:
    big = [np.zeros(10_000).tolist()] * 3
    frame = pd.DataFrame({"image": [b"1", b"2", b"3"], "big": big, "pixel.0": [1, 2, 3]})
    frame.to_parquet(tmp_path / "a.parquet")
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert 0 < _size_in_memory(metadata, ["image"]) < 1000
    assert 0 < _size_in_memory(metadata, ["pixel.0"]) < 1000
    assert _size_in_memory(metadata, ["image", "big"]) > 30_000
