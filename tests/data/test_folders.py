"""Folders of pictures as people have them: what is read, and what it is taken for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fmclust.data import PictureFolder
from fmclust.errors import UserError

UNUSED = "rows that label no picture: their files are not there, or have a name with several labels"
NAMED = {"train": "cat", "test": "dog"}
PICTURE = Image.fromarray(np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8))


def fill(folder: Path, n: int = 20, name: str = "{}.png") -> Path:
    """Write pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        PICTURE.save(folder / name.format(number))
    return folder


def read(root: Path, **options: Any) -> tuple[PictureFolder, dict[str, list[str]]]:
    """Return a source, and the names in each of its splits."""
    source = PictureFolder(root=str(root), **options)
    return source, {name: list(split.names) for name, split in source.splits.items()}


def classes_of(source: PictureFolder) -> dict[str, set[str] | None]:
    """Return each split to its classes."""
    return {
        name: None
        if split.labels is None
        else {(source.class_names or ())[label] for label in split.labels.tolist()}
        for name, split in source.splits.items()
    }


@pytest.mark.parametrize("above", ["x", "data/x", "images"])
def test_class_folders_below_other_folders(above: str, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / above / name)
    (tmp_path / "README.txt").write_text("no picture")
    assert read(tmp_path)[0].class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train", "valid"),
        ("images/train", "images/val"),
    ],
)
def test_the_split_of_the_folders_is_kept(train: str, test: str, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / train / name, 20)
        fill(tmp_path / test / name, 5)
    source, names = read(tmp_path)
    given = "val" if "val" in test else "test"
    taken = {"val": "test", "test": "val"}[given]
    assert {name: len(held) for name, held in names.items()} == {"train": 36, given: 10, taken: 4}
    assert {name.startswith(test) for name in names[given]} == {True}
    assert {name.startswith(train) for name in names["train"] + names[taken]} == {True}
    assert source.class_names == ("cat", "dog")
    assert read(tmp_path)[1] == names


def test_all_three_splits_may_be_there_and_what_is_beside_them_is_left_out(tmp_path: Path) -> None:
    for split, n in (("train", 20), ("val", 2), ("test", 3), ("chest_xray/train", 9)):
        for name in ("NORMAL", "PNEUMONIA"):
            fill(tmp_path / split / name, n)
    (tmp_path / "sample.csv").write_text("a,b")
    source, names = read(tmp_path)
    assert {name: len(held) for name, held in names.items()} == {"train": 40, "val": 4, "test": 6}
    (warning,) = source.warnings
    assert "files left out: 19" in warning and "chest_xray, sample.csv" in warning


def test_a_split_without_class_folders_is_not_scored(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / "train" / name)
    fill(tmp_path / "test", 7)
    both = {"cat", "dog"}
    found = classes_of(read(tmp_path)[0])
    assert found["train"] == both and found["val"] and found["val"] <= both
    assert found["test"] is None


def test_splits_without_train_are_divided_anew(tmp_path: Path) -> None:
    for split in ("val", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path / split / name, 10)
    source, names = read(tmp_path)
    assert {name: len(held) for name, held in names.items()} == {"train": 32, "val": 4, "test": 4}
    assert source.class_names == ("cat", "dog")


def test_kaggles_test1_is_a_split(tmp_path: Path) -> None:
    for name in ("train", "test1"):
        fill(tmp_path / name)
    source, splits = read(tmp_path)
    assert source.class_names is None and all("test1/" in name for name in splits["test"])


def test_a_split_among_the_classes_is_named(tmp_path: Path) -> None:
    for name in ("train", "train_masks"):
        fill(tmp_path / name)
    source, _ = read(tmp_path)
    assert source.class_names == ("train", "train_masks")
    assert source.warnings == [
        "all folders are classes, train too: for splits, leave out the others by data.exclude="
    ]


def test_classes_may_be_named_like_splits(tmp_path: Path) -> None:
    for name in ("train", "train_station", "bus"):
        fill(tmp_path / name)
    source, names = read(tmp_path)
    assert source.class_names == ("bus", "train", "train_station")
    assert len(names["train"]) == 48


@pytest.mark.parametrize("masks", ["masks", "Labels", "annotations", "SegmentationClass"])
@pytest.mark.parametrize("above", ["", "train"])
def test_masks_beside_images_are_left_out(masks: str, above: str, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / above / "images" / name)
    fill(tmp_path / above / masks, 9)
    source, names = read(tmp_path)
    assert sum(map(len, names.values())) == 40
    assert source.class_names == ("cat", "dog")
    assert source.warnings == [
        f"files left out: 9, in folders named {masks}, beside those of the pictures"
    ]


def test_masks_by_name_are_left_out(tmp_path: Path) -> None:
    for name in ("benign", "malignant"):
        fill(tmp_path / name, name=name + " ({}).png")
        fill(tmp_path / name, name=name + " ({})_mask.png")
        fill(tmp_path / name, 2, name=name + " ({})_mask_1.png")
        fill(tmp_path / name, 1, name="alone_mask.png")
    source, names = read(tmp_path)
    assert sum(map(len, names.values())) == 42
    assert source.warnings == ["files left out: 44, named as masks of the pictures beside them"]


@pytest.mark.parametrize(
    "generated",
    ["cat/@eaDir/1.png/THUMB.jpg", ".thumbnails/normal/1.png", "__MACOSX/cat/._1.jpg",
     "__MACOSX/cat/1.jpg", "cat/Thumbs.db", "desktop.ini", "#recycle/1.png"],
)  # fmt: skip
def test_what_systems_make_is_left_out(generated: str, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / name)
    (tmp_path / generated).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / generated).write_bytes((tmp_path / "cat" / "1.png").read_bytes())
    source, names = read(tmp_path)
    assert sum(map(len, names.values())) == 40
    assert source.class_names == ("cat", "dog") and source.unreadable == {}
    is_hidden = "/._" in generated
    assert ["files left out: 1, generated" in text for text in source.warnings] == (
        [] if is_hidden else [True]
    )


@pytest.mark.parametrize(
    ("exclude", "left_out"),
    [
        ("bird", 9),
        ("bird/", 9),
        ("b*d", 9),
        ("bird/*", 9),
        ("./bird", 9),
        ("**/1.png", 3),
        ("[12].png", 6),
        (["bird", "cat/1*.png"], 20),
    ],
)
def test_files_are_excluded_by_a_pattern(exclude: Any, left_out: int, tmp_path: Path) -> None:
    for name, n in (("cat", 20), ("dog", 20), ("bird", 9)):
        fill(tmp_path / name, n)
    source, names = read(tmp_path, exclude=exclude)
    assert sum(map(len, names.values())) == 49 - left_out
    assert all(text.startswith("files left out: ") for text in source.warnings)


def test_a_pattern_that_matches_nothing_or_is_none_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    assert read(tmp_path, exclude="birds")[0].warnings == ["data.exclude=birds matches no file"]
    for wrong in (7, "", ["a", 7], {"a": 1}):
        with pytest.raises(UserError, match=r"data.exclude=.* 'data.exclude=\*_mask.png'"):
            PictureFolder(root=str(tmp_path), exclude=wrong)  # type: ignore[arg-type]


def test_runs_among_the_pictures_are_left_out(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / name)
    sweep = tmp_path / "outputs" / "sweeps" / "today"
    for job in (tmp_path / "outputs" / "now", sweep / "0"):
        fill(job / "figures", 3)
        for file in ("config.yaml", "overrides.yaml", "train.log"):
            (job / file).write_text("")
    fill(sweep, 1, "sweep.png")
    (sweep / "jobs.csv").write_text("")
    source, names = read(tmp_path)
    assert sum(map(len, names.values())) == 40
    assert source.class_names == ("cat", "dog")
    assert source.warnings == ["files left out: 14, in runs of fmclust"]


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / "store" / name)
        (tmp_path / "view" / "more").mkdir(parents=True, exist_ok=True)
        (tmp_path / "view" / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "view" / "more" / "again").symlink_to(tmp_path / "store" / "cat")
    (tmp_path / "view" / "more" / "cycle").symlink_to("..")
    (tmp_path / "store" / "cat" / "up").symlink_to("../../view")
    source, names = read(tmp_path / "view")
    assert sum(map(len, names.values())) == 40
    assert source.class_names == ("cat", "dog")


def test_a_link_beside_its_target_does_not_take_its_place(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / name)
    (tmp_path / "a link").symlink_to("dog")
    assert read(tmp_path)[0].class_names == ("cat", "dog")


def test_folders_of_one_picture_each_are_no_classes(tmp_path: Path) -> None:
    for number in range(15):
        fill(tmp_path / f"patient {number}", 1)
    source, _ = read(tmp_path)
    assert source.class_names is None
    assert source.warnings == ["the folders are not used as classes: 15 folders hold 15 pictures"]


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Be a user whom permissions concern."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder with a folder and a file that can't be opened, and links to nothing."""
    for folder in (*tmp_path.parents, tmp_path):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(0o755)
    for name in ("cat", "dog", "closed"):
        fill(tmp_path / "root" / name)
    shut = [tmp_path / "root" / "closed", tmp_path / "root" / "cat" / "1.png"]
    for path in shut:
        path.chmod(0)
    (tmp_path / "root" / "dog" / "gone.png").symlink_to("nothing")
    os.mkfifo(tmp_path / "root" / "dog" / "pipe.png")
    yield tmp_path / "root"
    for path in shut:
        path.chmod(0o755)


def test_what_cannot_be_opened_is_named_with_its_reason(closed: Path, as_nobody: None) -> None:
    source, names = read(closed)
    assert sum(map(len, names.values())) == 39
    assert source.class_names == ("cat", "dog")
    assert source.unreadable == {
        "cat/1.png": "Permission denied",
        "closed": "Permission denied",
        "dog/gone.png": "No such file or directory",
        "dog/pipe.png": "not a regular file",
    }
    assert "1 of 40 files are not readable pictures: cat/1.png" in source.warnings
    with pytest.raises(UserError, match="closed can't be opened: Permission denied"):
        read(closed / "closed")


def test_a_folder_of_unreadable_files_is_refused_with_the_reasons(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.heic").write_text("no picture")
    with pytest.raises(UserError, match=r"0 readable .*cannot identify image file \(12\)"):
        _ = PictureFolder(root=str(tmp_path)).splits


def labels_of(source: PictureFolder) -> dict[str, str]:
    """Return each picture to the name of its class, or an empty text."""
    names = source.class_names or ()
    return {
        name: names[label] if label >= 0 else ""
        for split in source.splits.values()
        if split.labels is not None
        for name, label in zip(split.names, split.labels.tolist(), strict=True)
    }


def test_rows_of_labels_may_end_in_a_separator_that_the_header_lacks(tmp_path: Path) -> None:
    fill(tmp_path)
    rows = [f"{n}.png,{'ab'[n % 2]}," for n in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    source, _ = read(tmp_path)
    assert source.class_names == ("a", "b") and labels_of(source)["3.png"] == "b"


def test_a_row_that_labels_several_pictures_is_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        fill(tmp_path / split)
    rows = [f"{n}.png,{'ab'[n % 2]}" for n in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    source, _ = read(tmp_path)
    (warning,) = source.warnings
    assert "labels.csv has 20 rows that label several pictures each: " in warning
    assert all(f"{split}/" in warning for split in ("train", "test"))


@pytest.mark.parametrize("column", ["file", "Filename", "image", "path"])
@pytest.mark.parametrize("form", ["whole", "name", "stem", "windows"])
def test_labels_may_be_in_a_table(column: str, form: str, tmp_path: Path) -> None:
    fill(tmp_path / "pictures" / "a", 30)
    named = {
        "whole": "a/{}.png",
        "name": "{}.png",
        "stem": "{}",
        "windows": ".\\a\\{}.png",
    }[form]
    lines = [f"{named.format(n)},{n % 12},x" for n in range(29)]
    text = "\n".join([f"{column},label,other", *lines])
    (tmp_path / "pictures" / "labels.csv").write_text(text)
    source, _ = read(tmp_path / "pictures")
    expected = {f"a/{n}.png": str(n % 12) if n < 29 else "" for n in range(30)}
    assert labels_of(source) == expected and source.warnings == []
    assert source.class_names == tuple(map(str, range(12))), "as numbers, not as texts"


def test_a_table_is_used_before_folders_and_may_be_elsewhere(tmp_path: Path) -> None:
    for name in "ab":
        fill(tmp_path / "in" / name, 20)
    rows = [f"{name}/{n}.png,{'xy'[n % 2]}" for name in "ab" for n in range(20)]
    (tmp_path / "mine.csv").write_text("\n".join(["file,label", *rows, "a/gone.png,x"]))
    assert read(tmp_path / "in")[0].class_names == ("a", "b")
    source, _ = read(tmp_path / "in", labels=str(tmp_path / "mine.csv"))
    assert source.class_names == ("x", "y") and labels_of(source)["b/3.png"] == "y"
    assert source.warnings == [f"mine.csv has 1 {UNUSED}"]


def test_a_table_of_equal_names_in_several_folders_labels_each_by_its_path(tmp_path: Path) -> None:
    for name in ("train", "test"):
        fill(tmp_path / name, 20)
    rows = [f"{name}/{n}.png,{label}" for name, label in NAMED.items() for n in range(20)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,label", *rows]))
    assert read(tmp_path / "train", labels=str(table))[0].class_names == ("cat",)
    (tmp_path / "train" / "train").mkdir()
    PICTURE.save(tmp_path / "train" / "train" / "30.png")
    PICTURE.save(tmp_path / "train" / "30.png")
    table.write_text("\n".join(["file,label", *rows, "30.png,dog", "train/30.png,cat"]))
    nested = read(tmp_path / "train", labels=str(table))[0]
    found = labels_of(nested)
    assert (found["30.png"], found["train/30.png"]) == ("dog", "cat"), "its own path comes first"
    for path in ("train/30.png", "30.png"):
        (tmp_path / "train" / path).unlink()
    table.write_text("\n".join(["file,label", *rows]))
    (tmp_path / "train").rename(tmp_path / "moved")
    source = read(tmp_path / "moved", labels=str(table))[0]
    assert source.class_names is None, "the table does not say which of the two is meant"


def test_a_table_may_be_saved_by_excel_on_windows(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    rows = [f"{n}.png;{'Möwe' if n % 2 else 'Häher'}" for n in range(20)]
    text = "\r\n".join(["file;label", *rows])
    for encoding in ("cp1252", "utf-8-sig"):
        (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
        source, _ = read(tmp_path)
        assert source.class_names == ("Häher", "Möwe") and source.warnings == []
        assert labels_of(source)["3.png"] == "Möwe"


def test_several_tables_are_named_and_none_is_taken(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("file,label\n1.png,a\n")
    source, names = read(tmp_path)
    assert source.class_names is None and "2 tables of labels" in source.warnings[0]
    assert sum(map(len, names.values())) == 20 and not source.unreadable


def test_a_table_of_clusters_or_of_other_files_gives_no_labels(tmp_path: Path) -> None:
    for name in "ab":
        fill(tmp_path / name, 20)
    tables = {
        "image,cluster,class\na/0.png,0,1\n": [],  # as `assign` writes it
        "file,label\nother.png,x\n": [f"labels.csv has 1 {UNUSED}"],
        "file,label\na/1.png,x\na/1.png,y\n": ["a table of labels is not used"],
    }
    for text, warned in tables.items():
        (tmp_path / "labels.csv").write_text(text)
        source, _ = read(tmp_path)
        assert source.class_names == ("a", "b"), text
        assert all(found in source.warnings[-1] for found in warned), source.warnings


def test_a_table_names_files_of_several_pages_and_names_with_dots(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    pages = [Image.new("L", (8, 8), n) for n in (0, 200)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "0.png").rename(tmp_path / "scan.000.png")
    (tmp_path / "1.png").rename(tmp_path / "scan.001.png")
    rows = ["stack.tif,a", "scan.000,b", "scan.001,a", "scan.001,a", "2.5,c"]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    source, _ = read(tmp_path)
    labels = labels_of(source)
    assert labels["stack[1].tif"] == labels["stack[2].tif"] == labels["scan.001.png"] == "a"
    assert labels["scan.000.png"] == "b" and labels["2.png"] == ""
    assert source.warnings == [f"labels.csv has 1 {UNUSED}"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a,b\n1,2\n", "columns a, b"),
        ("file,label\n1.png,a\n./1.png,b\n", "gives 1.png two labels"),
        ("", "can't be read"),
    ],
)
def test_a_table_of_another_kind_is_refused(text: str, named: str, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(UserError, match=named):
        read(tmp_path / "in", labels=str(tmp_path / "mine.csv"))
