"""Files of every kind that `data=` reads, damaged at random: read, or refused in one line."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
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

N_FILES = 1000  # of each kind
IMAGES = np.random.default_rng(0).integers(0, 256, (14, 8, 8), np.uint8)
LABELS = np.arange(14) % 3


def picture(image: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def write_npz(path: Path) -> None:
    np.savez_compressed(path, images=IMAGES, labels=LABELS)


def write_tensor(path: Path) -> None:
    torch.save({"images": torch.from_numpy(IMAGES), "labels": torch.from_numpy(LABELS)}, path)


def frame() -> pd.DataFrame:
    return pd.DataFrame(IMAGES.reshape(14, 64)).add_prefix("pixel").assign(label=LABELS)


def write_parquet(path: Path) -> None:
    pytest.importorskip("pyarrow")
    encoded = [picture(image, "PNG") for image in IMAGES]
    pd.DataFrame({"image": encoded, "label": LABELS}).to_parquet(path)


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number, image in enumerate(IMAGES):
            archive.writestr(f"{number}.png", picture(image, "PNG"))


def write_tar(path: Path) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w:") as archive:
        for number, image in enumerate(IMAGES):
            content = picture(image, "PNG")
            entry = tarfile.TarInfo(f"{number}.png")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def write_stack(path: Path) -> None:
    pages = [Image.fromarray(image) for image in IMAGES]
    pages[0].save(path, save_all=True, append_images=pages[1:])


KINDS: dict[str, tuple[type[ImageSource], Callable[[Path], object]]] = {
    "a.npy": (ArrayFiles, lambda path: np.save(path, IMAGES)),
    "a.npz": (ArrayFiles, write_npz),
    "a.pt": (ArrayFiles, write_tensor),
    "a.csv": (TableFiles, lambda path: frame().to_csv(path, index=False)),
    "a.csv.gz": (TableFiles, lambda path: frame().to_csv(path, index=False)),
    "a.parquet": (TableFiles, write_parquet),
    "a.zip": (PictureFolder, write_zip),
    "a.tar": (PictureFolder, write_tar),
    "a.tar.gz": (PictureFolder, write_tar),
    "in/a.tif": (PictureFolder, write_stack),
    "in/a.jpg": (PictureFolder, lambda path: path.write_bytes(picture(IMAGES[0], "JPEG"))),
}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Change, remove or insert some bytes at a random place, or cut the end."""
    start, n = int(rng.integers(len(content))), int(rng.integers(1, 9))
    new = rng.bytes(n)
    match rng.integers(4):
        case 0:
            return content[:start] + new + content[start + n :]
        case 1:
            return content[:start] + content[start + n :]
        case 2:
            return content[:start] + new + content[start:]
    return content[:start]


def refusal(read: Callable[[], object]) -> str:
    """Return the message of a UserError; any other error passes on."""
    try:
        read()
    except UserError as error:
        return str(error)
    return ""


def read_input(path: Path) -> None:
    for batch in open_input(path, Reading(Form((8, 8)), 16)).batches:
        assert batch.images.shape[1:] == (8, 8)


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    kind, write = KINDS[name]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    write(path)
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    path.unlink()
    if name.endswith("jpg"):  # beside enough others
        for number in range(12):
            (path.parent / f"whole_{number}.jpg").write_bytes(whole)
    outcomes = set()
    for number in range(N_FILES):
        place = path.parent / f"{number}_{path.name}"  # archives are kept open by their names
        place.write_bytes(damaged(whole, rng))
        source = kind(root=str(place.parent if name.startswith("in/") else place))  # type: ignore[call-arg]
        texts = [refusal(source.read), refusal(partial(read_input, place))]
        assert not any("\n" in text for text in texts), texts
        outcomes.add(bool(texts[0]) or bool(source.unreadable))
        place.unlink()
    assert True in outcomes, "no file was damaged enough"
