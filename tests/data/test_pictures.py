"""Picture files of all kinds, and folders of them as a data set."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pictures import read_picture
from PIL import Image

from fmclust.data import PictureFolder, border_brightness, cache, opening
from fmclust.data.decoding import Decoded, decode
from fmclust.data.forms import Form
from fmclust.data.memory import empty_images
from fmclust.data.picture_files import PictureFile
from fmclust.data.pictures import read_in_order
from fmclust.data.scales import Scales
from fmclust.errors import UserError


@pytest.fixture
def ramp() -> NDArray[np.uint8]:
    """An image of 20 rows and 30 columns, brighter to the right."""
    return np.linspace(0, 255, 30).round().astype(np.uint8)[None].repeat(20, 0)


def files(*paths: Path) -> list[PictureFile]:
    return [PictureFile.of(path) for path in paths]


def save(path: Path, array: NDArray[Any], mode: str | None = None, **options: Any) -> Path:
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def test_a_gray_picture_of_the_right_size_stays_as_it_is(
    ramp: NDArray[np.uint8], tmp_path: Path
) -> None:
    np.testing.assert_array_equal(
        read_picture(save(tmp_path / "a.png", ramp), Form((20, 30))), ramp
    )


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "RGB"),
        ("a.png", "P"),
        ("a.png", "RGBA"),
        ("a.png", "LA"),
        ("a.jpg", "CMYK"),
        ("a.tif", "F"),
        ("a.tif", "I"),
        ("ä b.bmp", "L"),
        ("a.gif", "L"),
        ("a.webp", "RGB"),
    ],
)
def test_every_mode_gives_the_same_picture(
    name: str, mode: str | None, ramp: NDArray[np.uint8], tmp_path: Path
) -> None:
    read = read_picture(save(tmp_path / name, ramp, mode), Form((20, 30)))
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - ramp).max() <= 12


def test_16_bits_become_8(ramp: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", ramp.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_picture(path, Form((20, 30))), ramp)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    clear = np.zeros((9, 9, 4), np.uint8)
    clear[:3] = 255, 0, 0, 255
    read = read_picture(save(tmp_path / "a.png", clear), Form((9, 9)))
    assert (read[3:] == 255).all()
    assert (read[:3] == 76).all()


def test_a_picture_is_stretched_and_averaged(tmp_path: Path) -> None:
    checks = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    read = read_picture(save(tmp_path / "a.png", checks.astype(np.uint8)), Form((16, 8)))
    assert read.shape == (16, 8)
    assert np.abs(read[2:-2, 2:-2].astype(int) - 127).max() < 12


def test_exif_turns_a_picture_upright(ramp: NDArray[np.uint8], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = save(tmp_path / "a.png", ramp, exif=exif)
    np.testing.assert_array_equal(read_picture(path, Form((30, 20))), np.rot90(ramp, -1))


def test_a_damaged_exif_block_does_no_harm(ramp: NDArray[np.uint8], tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", ramp, exif=b"Exif\0\0no TIFF header")
    with pytest.raises(SyntaxError), Image.open(path) as picture:
        picture.getexif()
    np.testing.assert_array_equal(read_picture(path, Form((20, 30))), ramp)


def test_pillows_limit_does_not_hold_for_jpeg_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((100, 100), 90, np.uint8)
    paths = [save(tmp_path / name, image) for name in ("a.jpg", "a.png")]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    form = Form((8, 8), max_pixels=4000)
    found = list(read_in_order(files(*paths), form, Scales()))
    assert np.array_equal(np.asarray(found[0].image), np.full((8, 8), 90))
    assert "10000 pixels" in found[1].reason


def test_what_is_no_picture_is_named_with_its_reason(tmp_path: Path) -> None:
    whole = save(
        tmp_path / "whole.png", np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8)
    )
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:900])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    names = ["whole.png", "cut.png", "text.jpg", "empty.png"]
    found = list(read_in_order(files(*(tmp_path / name for name in names)), Form((8, 8)), Scales()))
    assert [picture.file.name.name for picture in found if picture.image is None] == names[1:]
    unknown = "cannot identify image file"
    assert [picture.reason for picture in found] == ["", found[1].reason, unknown, unknown]
    assert "truncated" in found[1].reason
    (large,) = read_in_order(files(whole), Form((8, 8), max_pixels=99 * 98), Scales())
    assert large.image is None and "99x99 pixels" in large.reason


def test_large_jpeg_files_are_decoded_at_a_reduced_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp = np.add.outer(np.arange(400), np.arange(600)).astype(float) / 4
    path = save(tmp_path / "a.jpg", ramp.astype(np.uint8))
    whole = np.asarray(Image.open(path).resize((30, 20), Image.Resampling.BILINEAR)).astype(int)
    sizes, fitted = [], Form.fitted

    def noting(form: Form, gray: Image.Image) -> NDArray[np.uint8]:
        sizes.append(gray.size)
        return fitted(form, gray)

    monkeypatch.setattr(Form, "fitted", noting)
    (found,) = read_in_order(files(path), Form((20, 30)), Scales())
    assert sizes.pop() == (75, 50), "at least 1.5 * 30 pixels a side"
    assert np.abs(np.asarray(found.image) - whole).max() <= 1
    read_picture(path, Form((140, 140)))
    assert sizes.pop() == (600, 400)
    large = np.asarray(Image.open(path).resize((90, 90), Image.Resampling.BILINEAR)).astype(int)
    for max_pixels, size in ((60_001, (300, 200)), (20_000, (150, 100))):
        (found,) = read_in_order(files(path), Form((90, 90), max_pixels=max_pixels), Scales())
        assert sizes.pop() == size
        assert np.abs(np.asarray(found.image) - large).max() <= 3
    (found,) = read_in_order(files(path), Form((20, 30), max_pixels=400 * 600 // 64 - 1), Scales())
    assert found.image is None and "600x400 pixels" in found.reason


def test_a_jpeg_file_without_its_end_is_reduced_as_a_whole_one(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1001, 1501), np.uint8)
    path = save(tmp_path / "a.jpg", noise)
    path.write_bytes(path.read_bytes()[:-20_000])
    with opening.opened(PictureFile.of(path), size=(28, 28)) as picture:
        assert picture.info[opening.CUT] and picture.size == (188, 126), "an eighth, rounded up"


def test_pictures_that_are_decoded_at_a_time_have_a_bounded_number_of_pixels() -> None:
    budget = opening.PixelBudget(10)
    free: list[int] = []

    def decode(n_pixels: int) -> None:
        with budget.taking(n_pixels):
            time.sleep(0.001)
            free.append(budget.free)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [3, 4, 99, 2, 5] * 20))
    assert len(free) == 100 and min(free) == 0 and budget.free == 10
    assert set(free) - {0, 5, 6, 7, 8}, "several at a time"


@pytest.mark.parametrize(("share", "readable"), [(0.98, True), (0.7, True), (0.3, False)])
def test_jpeg_files_without_their_end_are_read_as_far_as_they_go(
    share: float, readable: bool, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
    whole = save(tmp_path / "whole.jpg", noise)
    content = whole.read_bytes()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(content[: int(share * len(content))])
    first, found = read_in_order(files(whole, cut), Form((200, 200)), Scales())
    assert not first.is_cut and found.is_cut == readable
    if not readable:
        assert found.image is None and "truncated" in found.reason
        return
    rows = slice(int(200 * share) - 16)
    assert np.array_equal(np.asarray(found.image)[rows], np.asarray(first.image)[rows])
    (tmp_path / "in").mkdir()
    for number in range(14):
        source = cut if number == 5 else whole
        (tmp_path / "in" / f"{number}.jpg").write_bytes(source.read_bytes())
    folder = PictureFolder(root=str(tmp_path / "in"))
    assert folder.splits and not folder.unreadable
    (warning,) = folder.warnings
    assert "without their end" in warning and warning.endswith("1, 5.jpg")


def test_heic_is_read_or_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    square = np.zeros((64, 64, 3), np.uint8)
    square[16:48, 16:48] = 200
    Image.fromarray(square).save(tmp_path / "a.heic", quality=100)
    opening._formats.cache_clear()
    image = read_picture(tmp_path / "a.heic", Form((64, 64))).astype(int)
    assert np.abs(image[24:40, 24:40] - 200).max() < 9 and image[:8].max() < 9

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF")
    opening._formats.cache_clear()
    with pytest.raises(UserError, match=r"pip install 'fmclust\[heic\]'"):
        read_picture(tmp_path / "a.heic", Form((64, 64)))
    opening._formats.cache_clear()


def test_many_pictures_come_in_order(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / f"{n}.png", np.full((8, 8), n % 256, np.uint8))
        for n in range(2 * opening.MAX_AHEAD + 5)
    ]
    read = [
        int(np.asarray(p.image)[0, 0]) for p in read_in_order(files(*paths), Form((8, 8)), Scales())
    ]
    assert read == [n % 256 for n in range(len(paths))]


def test_the_brightness_of_the_border() -> None:
    images = np.full((3, 8, 10), 200, np.uint8)
    images[:, 1:-1, 1:-1] = 0
    assert border_brightness(images) == 200


def test_images_larger_than_memory_lie_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not isinstance(empty_images(5, (1, 8, 8), None), np.memmap)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=100))
    room = empty_images(5, (1, 8, 8), tmp_path)
    assert isinstance(room, np.memmap)
    assert room.shape == (5, 1, 8, 8)
    room[:] = 7
    assert isinstance(empty_images(5, (1, 8, 8), tmp_path / "new" / "folder"), np.memmap)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="memory.*data.cache="):
        empty_images(5, (1, 8, 8), tmp_path / "file")


def test_decoded_images_that_fill_the_memory_are_kept_for_the_next_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"

    def read() -> PictureFolder:
        data = PictureFolder(root=str(folder), cache=str(kept), invert=True)
        assert data.splits["train"].images.shape[1:] == (1, 28, 28)
        return data

    in_memory = read()
    assert in_memory.in_memory and not kept.exists()
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=100))
    first = read()
    assert not first.in_memory and len([*kept.iterdir()]) == 2
    decoded = []

    def noting(*arguments: Any, **options: Any) -> Decoded:
        decoded.append(0)
        return decode(*arguments, **options)

    monkeypatch.setattr(cache, "decode", noting)
    second = read()
    assert not decoded, "the kept images are read"
    for data in (first, second):
        assert data.warnings == in_memory.warnings and data.unreadable == in_memory.unreadable
        for name, split in in_memory.splits.items():
            assert torch.equal(data.splits[name].images, split.images)
            assert data.splits[name].names == split.names
    save(folder / "Hemd" / "2.png", np.zeros((20, 30), np.uint8))
    read()
    assert decoded, "a file has changed"
    for path in kept.glob("*.json"):
        path.write_text("{}")
    assert read().warnings == in_memory.warnings


@pytest.fixture
def folder(tmp_path: Path, ramp: NDArray[np.uint8]) -> Path:
    """40 pictures of two classes, one of them unreadable, a hidden file, a text."""
    root = tmp_path / "my pictures"
    for number in range(40):
        name = ("Hemd", "Schuh ü")[number % 2]
        (root / name).mkdir(parents=True, exist_ok=True)
        save(root / name / f"{number}.png", np.roll(ramp, number))
    (root / "Hemd" / "0.png").write_text("no picture")
    (root / ".hidden").write_text("hidden")
    return root


def test_folders_are_classes_and_every_picture_is_in_one_split(folder: Path) -> None:
    data = PictureFolder(root=str(folder), image_size=[10, 12])
    sizes = {name: len(split) for name, split in data.splits.items()}
    assert sizes == {"train": 33, "val": 3, "test": 3}
    assert data.class_names == ("Hemd", "Schuh ü")
    assert data.image_shape == (1, 10, 12)
    labels = np.concatenate([np.asarray(split.labels) for split in data.splits.values()])
    assert np.bincount(labels).tolist() == [19, 20]
    assert data.warnings == ["1 of 40 files are not readable pictures: Hemd/0.png"]


def test_what_is_in_which_split_does_not_depend_on_the_classes(folder: Path) -> None:
    def names() -> list[list[str]]:
        data = PictureFolder(root=str(folder))
        return [[Path(name).name for name in split.names] for split in data.splits.values()]

    before = names()
    for number in (2, 4, 20):
        (folder / "Hemd" / f"{number}.png").rename(folder / "Schuh ü" / f"{number}.png")
    assert names() == before


def test_the_split_depends_on_the_names_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PictureFolder(root=str(folder))
    assert len(first.splits) == 3
    monkeypatch.setattr(opening, "MAX_AHEAD", 4)
    second = PictureFolder(root=str(folder))
    assert (first.splits["test"].images == second.splits["test"].images).all()


def test_pictures_without_folders_have_no_labels(folder: Path) -> None:
    for path in list(folder.glob("*/*.png")):
        path.rename(folder / path.name)
    data = PictureFolder(root=str(folder))
    assert data.splits["train"].labels is None
    assert data.class_names is None


def test_pictures_beside_the_folders_leave_no_classes_and_lead_to_a_warning(
    folder: Path, ramp: NDArray[np.uint8]
) -> None:
    save(folder / "stray.png", ramp)
    data = PictureFolder(root=str(folder))
    assert len(data.splits) == 3
    assert data.class_names is None
    assert "1 pictures" in data.warnings[-1]


def test_inverted_pictures_are_light_on_dark(folder: Path) -> None:
    plain, inverted = (PictureFolder(root=str(folder), invert=i) for i in (False, True))
    assert (255 - plain.splits["val"].images == inverted.splits["val"].images).all()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"image_size": 7}, "data.image_size=7 is too small"),
        ({"image_size": 257}, "data.image_size=257 .*8 to 256"),
        ({"image_size": [28]}, "data.image_size=.*28"),
        ({"image_size": 28.5}, "data.image_size=28.5 "),
        ({"invert": "no"}, "data.invert=no .*true .*false"),
        ({"root": "nowhere"}, "nowhere .*data.root="),
    ],
)
def test_mistakes_are_answered_in_plain_words(
    options: dict[str, Any], text: str, folder: Path
) -> None:
    with pytest.raises(UserError, match=text):
        _ = PictureFolder(**{"root": str(folder), **options}).splits


def test_too_few_pictures_are_refused(folder: Path) -> None:
    for path in list(folder.glob("*/1*.png")) + list(folder.glob("*/[23]*.png")):
        path.unlink()
    with pytest.raises(UserError, match=" 6 readable pictures.* 10"):
        _ = PictureFolder(root=str(folder)).splits
