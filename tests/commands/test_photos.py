"""Pictures in colour from a folder to its page, by every kind of encoder."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from conftest import Answer
from layout import rows_of, status_of
from PIL import Image

from fmclust import load_run
from fmclust.runs import read_thumbnails

NAME = "mobilenet_v3_small"
COLOURS = {"red": (200, 30, 30), "blue": (40, 40, 210), "green": (30, 160, 40)}
SHORT = ("trainer=cpu", "trainer.max_epochs=1", "n_clusters=3", "figures=true")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 photos of three colours and of several sizes, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    rng = np.random.default_rng(0)
    for number in range(60):
        name = [*COLOURS][number % 3]
        size = (int(rng.integers(40, 90)), int(rng.integers(40, 90)), 3)
        pixels = np.array(COLOURS[name]) + rng.normal(0, 12, size)
        (folder / name).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(folder / name / f"{number:02}.jpg")
    (folder / "red" / "notes.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save(torchvision.models.get_model(NAME, weights=None).state_dict(), path)
    return path


@pytest.mark.parametrize(
    "typed",
    [
        "model=convae cluster=kmeans data.image_size=24",
        "model=multilayer cluster=gmm",
        "model=pixels cluster=kmeans data.fit=pad",
        "model=contrastive cluster=spherical_kmeans data.image_size=64 model.augment.hue=20",
        "experiment=photos model.backbone=mobilenet_v3_small data.image_size=48 "
        "cluster=[pca_kmeans,pca_balanced_kmeans]",
    ],
)
def test_photos_are_clustered_assigned_and_shown_in_colour(
    typed: str,
    photos: Path,
    weights: Path,
    command_line: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    is_pretrained = "experiment=photos" in typed
    given = [f"model.weights={weights}"] if is_pretrained else ["data=folder"]
    ours = [*given, f"data.root={photos}", *SHORT, "hydra.run.dir=run", "sort_into=sorted"]
    answer = command_line("train", *shlex.split(typed), *ours)
    assert answer.status == 0, answer.err
    status = status_of(tmp_path / "run")
    assert status["channels"] == 3 and status["images"] == {"train": 48, "val": 6, "test": 6}
    assert [row["file"] for row in rows_of(tmp_path / "run" / "unreadable.csv")] == [
        "red/notes.jpg"
    ]
    assert sum(1 for _ in Path("sorted").rglob("*.jpg")) == 60

    run = load_run(tmp_path / "run")
    name = run.clusterers[0]
    known = {
        row["image"]: row["cluster"]
        for row in rows_of(tmp_path / "run" / "assignments.csv")
        if row["clusterer"] == name
    }
    answer = command_line("assign", "run=run", f"input={photos}", "output=a.csv")
    assert answer.status == 0, answer.err
    assigned = {row["image"]: row["cluster"] for row in rows_of(Path("a.csv")) if row["cluster"]}
    assert assigned == known

    page = (tmp_path / "run" / "report.html").read_text()
    links = [Path(link) for link in re.findall(r'href="file://([^"]+\.jpg)"', page)]
    assert links and all(link.is_file() and link.is_relative_to(photos) for link in links)
    assert "data:image/webp" in page
    thumbnails = read_thumbnails(tmp_path / "run")
    for image, path in zip(thumbnails["images"], thumbnails["names"], strict=True):
        expected = np.array(COLOURS[str(path).partition("/")[0]])
        middle = image[8:-8, 8:-8].reshape(-1, 3).mean(axis=0)
        assert np.abs(middle - expected).max() < 12


def test_a_pretrained_run_needs_neither_the_file_nor_the_network(
    photos: Path, weights: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    copy = tmp_path / "my weights.pt"
    copy.write_bytes(weights.read_bytes())
    typed = ("experiment=photos", f"data.root={photos}", f"model.backbone={NAME}")
    answer = command_line(
        "train",
        *typed,
        *SHORT,
        "data.image_size=32",
        "model.weights=my weights.pt",
        "hydra.run.dir=run",
    )
    assert answer.status == 0, answer.err
    copy.unlink()
    assert command_line("assign", "run=run", f"input={photos}", "output=a.csv").status == 0
    answer = command_line("cluster", "run=run", "cluster=gmm", "n_clusters=2", "figures=false")
    assert answer.status == 0, answer.err
    (tmp_path / "run" / "checkpoints" / "pretrained.ckpt").unlink()
    answer = command_line("assign", "run=run", f"input={photos}", "output=b.csv")
    assert answer.refuses("pretrained.ckpt")


def test_a_gray_run_assigns_photos_and_a_colour_run_gray_images(
    photos: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    for color in ("gray", "rgb"):
        typed = ("data=folder", f"data.root={photos}", f"data.color={color}", "model=pixels")
        done = command_line("train", *typed, *SHORT, "cluster=kmeans", f"hydra.run.dir={color}")
        assert done.status == 0, done.err
        done = command_line("assign", f"run={color}", f"input={photos}", f"output={color}.csv")
        assert done.status == 0, done.err
    in_colour = load_run(tmp_path / "rgb")
    assert in_colour.image_shape == (3, 28, 28) and in_colour.image_size == (28, 28)
    gray = np.arange(5 * 28 * 28, dtype=np.uint8).reshape(5, 28, 28)
    same = np.repeat(gray[..., None], 3, axis=3)
    assert np.array_equal(in_colour.encode(gray), in_colour.encode(same))
    assert load_run(tmp_path / "gray").encode(same).shape == (5, 28 * 28)
