"""Pictures in archives and pages of TIFF files, read without unpacking them."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Answer, Finished
from hypothesis import given, settings
from hypothesis import strategies as st
from layout import rows_of
from numpy.typing import NDArray
from PIL import Image

from fmclust.data import Form, PictureFolder, Reading, open_input, picture_files
from fmclust.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 16, 16), np.uint8)
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


FILES = {f"set/{'ab'[n % 2]}/{n}.png": png(image) for n, image in enumerate(IMAGES)}
OTHERS = {"set/.hidden/x.png": b"x", "__MACOSX/set/a/._1.png": b"x", "set/notes.txt": b"no picture"}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    packing: Any = {".gz": gzip, ".tgz": gzip, ".bz2": bz2, ".xz": lzma}.get(path.suffix)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    content = buffer.getvalue()
    path.write_bytes(content if packing is None else packing.compress(content))
    return path


def unpack(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_archive_is_read_like_its_folder(suffix: str, tmp_path: Path) -> None:
    archive = pack(tmp_path / f"set{suffix}", FILES | OTHERS)
    folder = unpack(tmp_path / "folder", FILES | OTHERS)
    packed = PictureFolder(root=str(archive), image_size=16)
    plain = PictureFolder(root=str(folder), image_size=16)
    for name, split in plain.splits.items():
        other = packed.splits[name]
        assert split.names == other.names and bool((split.images == other.images).all())
        assert split.labels is not None and other.labels is not None
        assert bool((split.labels == other.labels).all())
    assert packed.class_names == ("a", "b") and packed.warnings == plain.warnings
    assert packed.unreadable == plain.unreadable == {"set/notes.txt": "cannot identify image file"}
    opened = open_input(archive, Reading(Form((16, 16)), 7))
    names = [name for batch in opened.batches for name in batch.names]
    assert set(names) == {*FILES, "set/notes.txt"} and opened.n_images == 41


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_pictures_of_an_archive_are_sorted(
    suffix: str, finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    archive = pack(tmp_path / f"set{suffix}", FILES)
    typed = ("assign", f"run={finished.directory}", f"input={archive}", "output=a.csv")
    answer = command_line(*typed, "sort_into=sorted")
    assert answer.status == 0, answer.err
    rows = {row["image"]: row["cluster"] for row in rows_of(Path("a.csv"))}
    assert {*rows} == {*FILES}
    for path in Path("sorted").glob("*/*"):
        name = path.name.replace("__", "/")
        assert path.read_bytes() == FILES[name]
        assert path.parent.name.split("_")[0] == rows[name]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "set/", "/home/me/pictures/set/", "C:\\me\\set\\"])
def test_labels_name_files_by_any_path(before: str, separator: str, tmp_path: Path) -> None:
    root = unpack(tmp_path / "in", FILES) / "set"
    names = [name.removeprefix("set/") for name in FILES]
    lines = [f"{before}{name}{separator}{n % 3}" for n, name in enumerate(names)]
    (root / "labels.csv").write_text("\n".join([f"File Name{separator}label", *lines]))
    source = PictureFolder(root=str(root))
    assert source.splits and source.class_names == ("0", "1", "2")
    assert not source.warnings and not source.unreadable
    table = root.parent / "other.csv"
    table.write_text("file,label\n/x/0.png,a\n")  # of another folder
    assert all(
        split.labels is None
        for split in PictureFolder(root=str(root), labels=str(table)).splits.values()
    )


def test_labels_in_an_archive(tmp_path: Path) -> None:
    table = "\n".join(["file,label", *(f"{name},{n % 3}" for n, name in enumerate(FILES))])
    for separator in "/\\":
        files = FILES | {"labels.csv": table.encode()}
        files = {name.replace("/", separator): content for name, content in files.items()}
        source = PictureFolder(root=str(pack(tmp_path / "set.zip", files)))
        assert source.splits and source.class_names == ("0", "1", "2")
        assert not source.warnings and not source.unreadable


def test_the_pages_of_a_tiff_file_are_pictures(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pages = [Image.fromarray(image) for image in IMAGES]
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:30])
    pages[30].save(tmp_path / "in" / "b.tif")
    source = PictureFolder(root=str(tmp_path / "in"), image_size=16)
    found = {
        name: image[0].numpy()
        for split in source.splits.values()
        for name, image in zip(split.names, split.images, strict=True)
    }
    assert {*found} == {f"a[{n:02}].tif" for n in range(1, 31)} | {"b.tif"}
    assert all(np.array_equal(found[f"a[{n + 1:02}].tif"], IMAGES[n]) for n in range(30))
    opened = open_input(tmp_path / "in" / "a.tif", Reading(Form((16, 16)), 64))
    (batch,) = opened.batches
    assert np.array_equal(batch.images, IMAGES[:30])
    assert open_input(tmp_path / "in", Reading(Form((16, 16)), 64, pages="first")).n_images == 2
    with pytest.raises(UserError, match="2 readable pictures"):
        PictureFolder(root=str(tmp_path / "in"), pages="first").read()


def test_pages_are_in_one_order_when_training_and_assigning(tmp_path: Path) -> None:
    pages = [Image.fromarray(image) for image in IMAGES]
    for name in ("a.tif", "a2.tif", "a10.tif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:12])
    source = PictureFolder(root=str(tmp_path))
    names = [name for split in source.splits.values() for name in split.names]
    opened = open_input(tmp_path, Reading(Form((16, 16)), 64))
    assert sorted(names, key=source.rank) == [n for batch in opened.batches for n in batch.names]


def test_the_rest_of_a_cut_tiff_file_is_named(tmp_path: Path) -> None:
    pages = [Image.fromarray(image) for image in IMAGES]
    whole = io.BytesIO()
    pages[0].save(whole, "TIFF", save_all=True, append_images=pages[1:])
    (tmp_path / "a.tif").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    source = PictureFolder(root=str(tmp_path), image_size=16)
    n_read = sum(map(len, source.splits.values()))
    assert 15 < n_read < 25 and [*source.unreadable] == [f"a[{n_read + 1}].tif"]


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
def test_hard_links_in_a_tar_file_are_pictures(suffix: str, tmp_path: Path) -> None:
    folder = unpack(tmp_path / "in", {name: FILES[name] for name in [*FILES][::2]})
    (folder / "set" / "b").mkdir()
    for path in sorted((folder / "set" / "a").iterdir()):
        os.link(path, folder / "set" / "b" / f"x{path.name}")
        (folder / "set" / "b" / f"y{path.name}").symlink_to(f"../a/{path.name}")
    path = tmp_path / f"in{suffix}"
    with tarfile.open(path, "w:gz" if suffix == ".tgz" else "w:") as tar:
        tar.add(folder / "set", "set")
    packed, plain = PictureFolder(root=str(path)), PictureFolder(root=str(folder))
    assert packed.splits["train"].names == plain.splits["train"].names
    assert torch.equal(packed.splits["train"].images, plain.splits["train"].images)
    assert packed.class_names == ("a", "b")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_an_archive_without_its_end_is_refused(share: float, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = pack(tmp_path / f"set{suffix}", FILES)
        content = path.read_bytes().rstrip(b"\0")
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(UserError, match=f"set{suffix} can't be read"):
            PictureFolder(root=str(path)).read()


@pytest.mark.parametrize("damage", ["encrypted", "method", "bytes"])
def test_a_damaged_table_in_an_archive_is_left_out(damage: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "set.zip", {"labels.csv": b"file,label\n0.png,x\n" * 9} | FILES)
    content = bytearray(path.read_bytes())
    at, entry = 0, content.index(b"PK\x01\x02")  # local header, entry of the directory
    if damage == "encrypted":
        content[at + 6] |= 1
        content[entry + 8] |= 1
    elif damage == "method":
        content[at + 8] = content[entry + 10] = 99
    else:
        content[45:60] = bytes(15)
    path.write_bytes(content)
    source = PictureFolder(root=str(path))
    assert sum(map(len, source.splits.values())) == 40 and [*source.unreadable] == ["labels.csv"]


def test_what_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in (".zip", ".tar", ".tar.gz"):
        archive = pack(tmp_path / f"set{suffix}", FILES | {"large.png": bytes(5000)})
        monkeypatch.setattr(picture_files, "MAX_MEMBER", 4000)
        source = PictureFolder(root=str(archive))
        assert source.splits and "too many" in source.unreadable["large.png"]


@settings(max_examples=25)  # thousands: tests/faults/test_damaged_files.py
@given(st.sampled_from(SUFFIXES[:3]), st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_changed_bytes_of_an_archive_are_one_line(suffix: str, place: int, change: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pack(Path(folder) / f"a{suffix}", dict([*FILES.items()][:14]))
        content = path.read_bytes()
        start = place % len(content)
        path.write_bytes(content[:start] + change + content[start + len(change) :])
        text = ""
        with suppress(UserError):
            try:
                source = PictureFolder(root=str(path))
                assert len(source.splits["train"].images) + len(source.unreadable) <= 15
            except UserError as error:
                text = str(error)
                raise
        assert "\n" not in text
