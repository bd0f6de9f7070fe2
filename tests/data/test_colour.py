"""Tests of images in colour from folders, arrays and tables, and of pictures of another shape."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pictures import read_picture
from PIL import Image

from fmclust.data import (
    ArrayFiles,
    Form,
    ImageSource,
    PictureFolder,
    Reading,
    TableFiles,
    open_input,
)
from fmclust.errors import UserError

RED, GRAY = (200, 20, 40), (90, 90, 90)


def painted(*colours: tuple[int, int, int], size: tuple[int, int] = (12, 10)) -> list[Image.Image]:
    """Return a picture of each colour, of a width and a height."""
    return [Image.new("RGB", size, colour) for colour in colours]


def save_all(pictures: list[Image.Image], folder: Path) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:03}.png")
    return folder


def images_of(source: ImageSource) -> NDArray[np.uint8]:
    """Return all images in the order of their names."""
    held = source.splits.values()
    names = [int(Path(name).stem) for split in held for name in split.names]
    return np.concatenate([split.images.numpy() for split in held])[np.argsort(names)]


@pytest.mark.parametrize("colour", [RED, GRAY])
@pytest.mark.parametrize("color", ["auto", "gray", "rgb"])
def test_a_folder_array_and_table_have_the_same_colours(
    color: str, colour: tuple[int, int, int], tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    pictures = painted(*[GRAY] * 30, colour)
    folder = save_all(pictures, tmp_path / "in")
    values = np.stack([np.asarray(picture) for picture in pictures])
    np.save(tmp_path / "a.npy", values)
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    pd.DataFrame({"image": contents}).to_parquet(tmp_path / "a.parquet")
    sources = [
        PictureFolder(root=str(folder), image_size=[10, 12], color=color),
        ArrayFiles(root=str(tmp_path / "a.npy"), color=color),
        TableFiles(root=str(tmp_path / "a.parquet"), color=color),
    ]
    in_colour = color == "rgb" or (color == "auto" and colour == RED)
    expected = np.moveaxis(values, 3, 1)
    if not in_colour:
        luma = [np.asarray(picture.convert("L")) for picture in pictures]
        expected = np.stack(luma)[:, None]
    for source in sources:
        found = images_of(source)
        assert np.array_equal(found, expected), type(source)
        assert source.image_shape == expected.shape[1:] and not source.warnings
    form = Form((10, 12), "rgb" if in_colour else "gray")
    shown = expected[:, 0] if not in_colour else values
    for path in (folder, tmp_path / "a.npy", tmp_path / "a.parquet"):
        batches = open_input(path, Reading(form, 7)).read()
        assert np.array_equal(np.concatenate([batch.images for batch in batches]), shown)


def test_modes_become_rgb(tmp_path: Path) -> None:
    (red,) = painted(RED)
    for mode, suffix in (("P", "png"), ("CMYK", "tif"), ("RGBA", "png"), ("YCbCr", "jpg")):
        path = tmp_path / f"{mode}.{suffix}"
        red.convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
        pixel = read_picture(path, Form((8, 8), "rgb"))[3, 3].astype(int)
        assert np.abs(pixel - RED).max() <= 4, mode
    deep = Image.fromarray(np.full((9, 9), 1000, np.uint16))
    deep.putpixel((0, 0), 0)
    deep.save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png", Form((9, 9), "rgb"))[5, 5].tolist() == [255] * 3


def test_transparent_pixels_get_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "a.png")
    form = Form((9, 9), "rgb", background="navy")
    assert read_picture(tmp_path / "a.png", form)[4, 4].tolist() == [0, 0, 128]
    with pytest.raises(UserError, match=r"data\.background=nosuch .* data\.background=gray"):
        Form((9, 9), background="nosuch")


def test_colour_that_is_transparent_does_not_count(tmp_path: Path) -> None:
    for n in range(12):
        page = np.zeros((8, 8, 4), np.uint8)
        page[..., 0], page[2:5, 2:5] = 255, (0, 0, 0, 255)  # red, but for a square not opaque
        Image.fromarray(page).save(tmp_path / f"{n}.png")
    gray = PictureFolder(root=str(tmp_path), image_size=8, color="auto")
    assert gray.image_shape == (1, 8, 8)
    red = PictureFolder(root=str(tmp_path), image_size=8, color="auto", background="red")
    assert red.image_shape == (3, 8, 8)


def test_pictures_of_another_shape_are_stretched_cropped_or_padded(tmp_path: Path) -> None:
    wide = np.zeros((20, 40), np.uint8)
    wide[:, 10:30] = 200
    Image.fromarray(wide).save(tmp_path / "a.png")
    read = {
        fit: read_picture(tmp_path / "a.png", Form((20, 20), fit=fit, background="white"))
        for fit in ("stretch", "crop", "pad")
    }
    assert (read["crop"] == 200).all()
    assert np.flatnonzero(read["stretch"][10] > 150).tolist() == list(range(5, 15))
    assert (read["pad"][:5] == 255).all() and (read["pad"][15:] == 255).all()
    assert read["pad"][10, 10] == 200 and read["pad"][10, 1] == 0


def test_a_table_of_large_pictures_needs_a_size(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    Image.new("RGB", (400, 300), RED).save(buffer, "PNG")
    pd.DataFrame({"image": [buffer.getvalue()] * 20}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"300x400 pixels.*type data\.image_size=64"):
        TableFiles(root=str(tmp_path / "a.parquet")).read()
    sized = TableFiles(root=str(tmp_path / "a.parquet"), image_size=64, color="auto")
    assert sized.image_shape == (3, 64, 64)


def test_tables_of_one_data_set_may_be_gray_and_in_colour(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name, colour in (("train", GRAY), ("test", RED)):
        folder = save_all(painted(*[colour] * 12), tmp_path / name)
        contents = [path.read_bytes() for path in sorted(folder.iterdir())]
        pd.DataFrame({"image": contents}).to_parquet(tmp_path / f"{name}.parquet")
    source = TableFiles(root=str(tmp_path), color="auto")
    assert source.image_shape == (3, 10, 12)
    assert source.splits["train"].images[0, :, 0, 0].tolist() == [*GRAY]
    assert source.splits["test"].images[0, :, 0, 0].tolist() == [*RED]
