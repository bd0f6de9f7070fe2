"""Small data: what follows the number of images, and what a run says about them."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SMALL, Answer, Finished, composed, stop_after, write_idx
from layout import status_of
from omegaconf import OmegaConf
from PIL import Image
from sklearn.base import BaseEstimator

from fmclust.data import Digits, ImageSource
from fmclust.data.datamodule import ImageDataModule
from fmclust.data.splits import Split
from fmclust.jobs.run import run_job
from fmclust.jobs.sizes import set_sizes
from fmclust.runs import read_config, read_metrics
from fmclust.trust import build_all


def images_of(n: int) -> ImageSource:
    source = Digits()
    source.splits = {"train": Split(Digits().splits["train"].images[:1].expand(n, -1, -1, -1))}
    return source


@pytest.mark.parametrize(
    ("n_images", "n_processes", "size"),
    [
        *((60_000, 1, 256), (60_000, 8, 256), (1437, 1, 64), (4865, 1, 256), (4864, 1, 128)),
        *((1437, 2, 32), (305, 1, 16), (304, 1, 16), (8, 1, 16)),
    ],
)
def test_the_batch_size_follows_the_number_of_images(
    n_images: int, n_processes: int, size: int
) -> None:
    assert ImageDataModule(images_of(n_images)).used_batch_size(n_processes) == size
    typed = ImageDataModule(images_of(n_images), batch_size=100)
    assert typed.used_batch_size(n_processes) == 100


def test_config_yaml_holds_what_was_used_and_resuming_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: Callable[..., Answer]
) -> None:
    typed = [*SMALL, "trainer.max_epochs=2", "cluster=hdbscan", "cluster.hdbscan.n_neighbors=4"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(1, patch)
        run_job(composed(*typed), tmp_path / "run", typed)
    text = (tmp_path / "run" / "config.yaml").read_text()
    config = read_config(tmp_path / "run")
    assert config.data.batch_size == 64
    hdbscan = config.cluster.hdbscan
    assert (hdbscan.n_neighbors, hdbscan.sample) == (4, None)
    assert (hdbscan.estimator.min_cluster_size, hdbscan.estimator.min_samples) == (14, 7)
    assert command_line("resume", "run=run").status == 0
    assert (tmp_path / "run" / "config.yaml").read_text() == text
    whole = [*typed, "data.batch_size=64", "cluster.hdbscan.estimator.min_cluster_size=14"]
    run_job(composed(*whole), tmp_path / "whole", whole)
    losses = [read_metrics(tmp_path / name)["loss/val"] for name in ("run", "whole")]
    assert losses[0] == losses[1]


def test_a_later_clustering_notes_what_it_used(
    run: Path, command_line: Callable[..., Answer]
) -> None:
    assert command_line("cluster", f"run={run}", "cluster=agglomerative").status == 0
    made = read_config(run / "clusterings" / "agglomerative").cluster.agglomerative
    assert made.n_neighbors == made.estimator.n_neighbors == 7


def test_steps_in_a_list_of_ones_own_are_left_as_they_are() -> None:
    scaled = {
        "_target_": "sklearn.pipeline.Pipeline",
        "steps": [
            ["scale", {"_target_": "sklearn.preprocessing.StandardScaler"}],
            [
                "last",
                {
                    "_target_": "fmclust.clustering.InductiveClusterer",
                    "estimator": {"_target_": "fmclust.clustering.GraphAgglomerative"},
                },
            ],
        ],
    }
    config: Any = OmegaConf.create({"cluster": {"own": scaled}})
    before = OmegaConf.to_yaml(config)
    made = build_all(config.cluster, BaseEstimator)
    set_sizes(config, made, 240)
    assert OmegaConf.to_yaml(config) == before
    assert made["own"].get_params()["last__n_neighbors"] == 5


@pytest.mark.parametrize("option", ["hdbscan", "spectral", "agglomerative"])
def test_a_few_pictures_are_clustered_by_every_graph(
    option: str, tmp_path: Path, run_digits: Callable[..., Finished]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(14):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 60, (28, 28)) + 190 * (number % 2)
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{number}.png")
    data = ("data=folder", f"data.root={tmp_path / 'pictures'}", "n_clusters=2")
    run = run_digits(*data, f"cluster={option}").directory
    assert read_config(run).data.batch_size == 16
    assert status_of(run)["status"] == "done"


def test_few_images_are_compared_with_their_pixels_by_the_command_that_is_named(
    tmp_path: Path, command_line: Callable[..., Answer]
) -> None:
    rng = np.random.default_rng(0)
    write_idx(
        tmp_path / "my images" / "train-images-idx3-ubyte", rng.integers(0, 256, (60, 28, 28))
    )
    write_idx(tmp_path / "my images" / "train-labels-idx1-ubyte", np.arange(60) % 3)
    data = ("data=idx", "data.root=my images", "n_clusters=3", "experiment=contrastive")
    length = ("trainer=cpu", "trainer.max_epochs=2", "trainer.limit_train_batches=2")
    answer = command_line("train", *data, *length, "figures=false", "hydra.run.dir=run")
    assert answer.status == 0, answer.err
    hint = "With fewer than 1,000 images, pixels may do as well. To compare: "
    (line,) = (text for text in answer.out.splitlines() if text.startswith(hint))
    page = (tmp_path / "run" / "report.html").read_text()
    assert "pixels may do as well" in page
    python, option, module, *typed = shlex.split(line.removeprefix(hint))
    assert (python, option, module) == ("python", "-m", "fmclust.train")
    again = command_line("train", *typed, "figures=false", "hydra.run.dir=pixels")
    assert again.status == 0 and "pixels may do" not in again.out, again.err
    assert "kmeans/test/nmi" in read_metrics(tmp_path / "pixels")


def test_many_images_are_not(command_line: Callable[..., Answer]) -> None:
    answer = command_line("train", *SMALL, "hydra.run.dir=run")
    assert answer.status == 0 and "pixels may do" not in answer.out


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_an_encoder_that_gives_all_images_the_same_latents_is_named(
    run_digits: Callable[..., Finished],
) -> None:
    typed = ("model=vanilla", "model.lr=1", "cluster=[kmeans,gmm]", "figures=true")
    run = run_digits(*typed).directory
    assert "the encoder gives all images nearly the same latents" in status_of(run)["warnings"][0]
    assert (run / "report.html").exists()
    assert not any(
        "nearly the same" in text for text in status_of(run_digits().directory)["warnings"]
    )
