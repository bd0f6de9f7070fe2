"""Brightness of pictures deeper than 8 bits: one scale for a data set, never file by file."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import read_picture
from PIL import Image, TiffImagePlugin

from fmclust.data import PictureFolder, opening
from fmclust.data.forms import Form
from fmclust.data.scales import (
    BYTES,
    FLOATS,
    INTEGERS,
    NO_DATA,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    SIGNED,
    UNSIGNED,
    WHITE_IS_ZERO,
    Scales,
    known_ranges,
)
from fmclust.errors import UserError

N = 20  # pictures in a folder
SIDE = 28


def write(
    folder: Path, name: str, array: NDArray[Any], no_data: str | None = None, **more: Any
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = more
    if no_data is not None:
        options["tiffinfo"] = tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[NO_DATA] = no_data
    Image.fromarray(array).save(folder / name, **options)
    return folder / name


@pytest.fixture
def ramps() -> NDArray[np.uint8]:
    """20 images, each brighter than the one before: the maximum is 60, 70, ... 250."""
    rows = [np.linspace(0, 60 + 10 * n, SIDE).round() for n in range(N)]
    return np.repeat(np.array(rows, np.uint8)[:, None], SIDE, axis=1)


def read_folder(folder: Path, **options: Any) -> tuple[dict[str, NDArray[np.uint8]], PictureFolder]:
    """Return each file to its image, and the source."""
    source = PictureFolder(root=str(folder), **options)
    read = {
        name: image
        for split in source.splits.values()
        for name, image in zip(split.names, split.images[:, 0].numpy(), strict=True)
    }
    return read, source


@pytest.mark.parametrize(
    ("dtype", "factor", "offset"),
    [
        (np.uint16, 16, 0),  # 12 bits
        (np.uint16, 4, 51200),  # a thermal camera
        (np.int32, 100, -7000),  # a digital elevation model
        (">u2", 16, 0),
        (np.float32, 0.5, 0),
        (np.float32, 1 / 255, 0),
        (np.float32, 1e30, -1e32),
    ],
)
def test_deep_pictures_keep_their_brightness_among_each_other(
    dtype: Any, factor: float, offset: float, ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"{number:02}.tif", (ramp * np.float64(factor) + offset).astype(dtype))
    read, source = read_folder(tmp_path)
    expected = np.rint(ramps * (255 / 250))
    for number in range(N):
        assert np.abs(read[f"{number:02}.tif"] - expected[number]).max() <= 1
    ((low, high),) = source.ranges.values()
    assert (low, high) == pytest.approx((offset, 250 * factor + offset), rel=1e-6)


def test_one_file_alone_fills_its_own_range(tmp_path: Path, ramps: NDArray[np.uint8]) -> None:
    path = write(tmp_path, "a.png", ramps[5].astype(np.uint16) * 16 + 300)
    read = read_picture(path, Form((SIDE, SIDE)))
    assert (read.min(), read.max()) == (0, 255)
    dark = read_picture(path, Form((SIDE, SIDE)), Scales({INTEGERS: (300.0, 65535.0)}))
    assert dark.max() == round(255 * 110 * 16 / 65235)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf, -9999.0])
def test_pixels_without_a_value_are_dark_and_do_not_count(
    hole: float, ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        values = ramp.astype(np.float32) + 1000
        values[3] = hole
        write(tmp_path, f"{number:02}.tif", values, no_data="-9999")
    read, source = read_folder(tmp_path)
    assert source.ranges == {FLOATS: (1000.0, 1250.0)}
    for number in range(N):
        image, expected = read[f"{number:02}.tif"], np.rint(ramps[number] * (255 / 250))
        assert (image[3] == 0).all()
        assert (np.delete(image, 3, 0) == np.delete(expected, 3, 0)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_white_may_be_zero(dtype: Any, ramps: NDArray[np.uint8], tmp_path: Path) -> None:
    for number, ramp in enumerate(ramps):
        path = write(tmp_path, f"{number:02}.tif", ramp.astype(dtype))
        set_tag(path, PHOTOMETRIC, WHITE_IS_ZERO)
    read, _ = read_folder(tmp_path)
    shown = ramps if dtype == np.uint8 else np.rint(ramps * (255 / 250))
    for number in range(N):
        expected = 255 - shown[number].astype(int)
        assert np.abs(read[f"{number:02}.tif"] - expected).max() <= (dtype != np.uint8)


@pytest.mark.parametrize("is_told", [True, False])
def test_whole_numbers_of_32_bits_have_no_sign_unless_they_say_so(
    is_told: bool, ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        values = ramp.astype(np.uint32) * 16_000_000
        path = write(tmp_path, f"{number:02}.tif", values.view(np.int32))
        set_tag(path, SAMPLE_FORMAT, UNSIGNED)
        if not is_told:
            set_tag(path, SAMPLE_FORMAT, UNSIGNED, renamed=SAMPLE_FORMAT + 1)
    read, source = read_folder(tmp_path)
    assert source.ranges == {INTEGERS: (0.0, 250 * 16e6)}
    assert (read["19.tif"] == np.rint(ramps[19] * (255 / 250))).all()


def test_bytes_with_a_sign_are_refused(ramps: NDArray[np.uint8], tmp_path: Path) -> None:
    path = write(tmp_path, "a.tif", ramps[0], tiffinfo={SAMPLE_FORMAT: SIGNED})
    set_tag(path, SAMPLE_FORMAT, SIGNED)
    with pytest.raises(UserError, match="signed 8-bit pixels: save them as 16-bit integers"):
        read_picture(path, Form((SIDE, SIDE)))


def set_tag(path: Path, tag: int, value: int, renamed: int | None = None) -> None:
    """Set a tag of type SHORT in a little-endian TIFF file of Pillow's, or rename it."""
    raw = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", raw, 4)
    (n_entries,) = struct.unpack_from("<H", raw, start)
    for entry in range(start + 2, start + 2 + 12 * n_entries, 12):
        if struct.unpack_from("<H", raw, entry) == (tag,):
            struct.pack_into("<HHII", raw, entry, renamed or tag, 3, 1, value)
            path.write_bytes(raw)
            return
    raise AssertionError(f"no tag {tag}")


def test_the_limit_of_pixels_holds_for_ranges_and_pages(
    ramps: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, ramp in enumerate(ramps):
        pages = [Image.fromarray(ramp.astype(np.uint16) * n) for n in (4, 16)]
        pages[0].save(tmp_path / f"{number:02}.tif", save_all=True, append_images=pages[1:])
    monkeypatch.setattr(opening.opened.__wrapped__, "__defaults__", (10, None))  # type: ignore[attr-defined]
    read, source = read_folder(tmp_path, max_pixels=1000)
    assert len(read) == 2 * N and source.ranges == {INTEGERS: (0.0, 4000.0)}


def test_a_range_that_nothing_needs_is_named(ramps: NDArray[np.uint8], tmp_path: Path) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"{number:02}.png", ramp)
    source = read_folder(tmp_path, scale=[0, 100])[1]
    assert source.warnings == ["data.scale is not used: the values of 8-bit pictures are kept"]


def test_no_data_of_integers_and_of_8_bits(tmp_path: Path, ramps: NDArray[np.uint8]) -> None:
    for number, ramp in enumerate(ramps):
        values = ramp.astype(np.int32)
        values[3] = -32768
        write(tmp_path, f"{number:02}.tif", values, no_data="-32768")
    assert read_folder(tmp_path)[1].ranges == {INTEGERS: (0.0, 250.0)}
    ramps[0, 3] = 255
    path = write(tmp_path / "8", "a.tif", ramps[0], no_data="255")
    read = read_picture(path, Form((SIDE, SIDE)))
    assert (read[3] == 0).all() and (read[4] == ramps[0, 4]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_file_without_any_value_is_left_out(
    dtype: Any, ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"{number:02}.tif", ramp.astype(dtype))
    write(tmp_path, "void.tif", np.full((SIDE, SIDE), np.nan, np.float32))
    source = read_folder(tmp_path)[1]
    assert source.unreadable == {"void.tif": "no pixel has a value"}


def test_a_range_by_hand_holds_for_integers_and_floats_alone(
    ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"a{number:02}.png", ramp)
        write(tmp_path, f"b{number:02}.tif", ramp.astype(np.uint16))
        write(tmp_path, f"c{number:02}.tif", ramp.astype(np.float32))
    read, source = read_folder(tmp_path, scale=[0, 1000])
    assert source.ranges == {INTEGERS: (0.0, 1000.0), FLOATS: (0.0, 1000.0)}
    assert (read["a07.png"] == ramps[7]).all()
    dark = np.rint(ramps[7] * 0.255)
    assert (read["b07.tif"] == dark).all() and (read["c07.tif"] == dark).all()


def test_files_of_8_bits_are_opened_once(
    ramps: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"{number:02}.png", ramp)
    opened: list[Path] = []
    kept = Image.open

    def noted(path: Path, **options: Any) -> Image.Image:
        opened.append(path)
        return kept(path, **options)

    monkeypatch.setattr(Image, "open", noted)
    read, source = read_folder(tmp_path)
    assert len(opened) == len(read) == N
    assert source.ranges == {} and source.warnings == []


def test_depths_that_differ_are_named_with_examples(
    ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        deep = ramp.astype(np.uint16) * 16
        write(tmp_path, f"{number:02}.png", deep if number % 2 else ramp)
    read, source = read_folder(tmp_path)
    (warning,) = source.warnings
    for text in ("10 8-bit by 0 to 255 (such as 00.png)", "10 integer by 0 to 4000 (such as 01.p"):
        assert text in warning
    assert "type 'data.scale=[0,4000]'" in warning
    assert (read["04.png"] == ramps[4]).all()


def test_a_constant_deep_file_is_dark_and_the_advice_works(
    ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):
        write(tmp_path, f"{number:02}.png", ramp)
    write(tmp_path, "flat.png", np.full((SIDE, SIDE), 500, np.uint16))
    read, source = read_folder(tmp_path)
    assert read["flat.png"].max() == 0
    assert "'data.scale=[500,501]'" in source.warnings[0]
    assert read_folder(tmp_path, scale=[500, 501])[0]["flat.png"].max() == 0
    saved = {kind: [*limits] for kind, limits in source.ranges.items()}
    assert known_ranges(saved) == {INTEGERS: (500, 501)}, "a run of these pictures can be opened"


def test_ranges_that_differ_are_named_with_examples(
    ramps: NDArray[np.uint8], tmp_path: Path
) -> None:
    for number, ramp in enumerate(ramps):  # of 12 bits, but one of 16
        write(tmp_path, f"{number:02}.png", ramp.astype(np.uint16) * (16 if number else 1000))
    (warning,) = read_folder(tmp_path)[1].warnings
    assert warning.startswith("19 of 20 integer files fill less than a quarter")
    assert "01.png (0 to 1120) beside 00.png (0 to 60000)" in warning
    (tmp_path / "00.png").unlink()
    assert read_folder(tmp_path)[1].warnings == []


def test_colours_of_16_bits_are_named(ramps: NDArray[np.uint8], tmp_path: Path) -> None:
    for number, deep in enumerate(ramps.astype(np.uint16)):
        rows = b"".join(b"\0" + np.repeat(r * 16, 3).astype(">u2").tobytes() for r in deep)
        header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
        parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        chunks = [
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        ]
        (tmp_path / f"{number:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    read, source = read_folder(tmp_path)
    assert max(image.max() for image in read.values()) == 250 * 16 // 256
    warning, dark = source.warnings
    assert "no pixel is brighter than 15 of 255" in dark
    assert "upper 8 bits: 20," in warning and "00.png" in warning


@pytest.mark.parametrize("scale", [[1], [5, 5], [9, 2], ["a", 1], "0,1", 7, [0, float("inf")]])
def test_a_scale_that_is_no_range_is_refused(scale: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.scale=.* type 'data.scale=\[0,4095\]'"):
        PictureFolder(root=str(tmp_path), scale=scale)
    assert BYTES not in PictureFolder(root=str(tmp_path), scale=[0, 4095]).scales.ranges
