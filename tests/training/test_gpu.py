"""What training on a GPU does; what can be seen without one is seen without one."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import Finished
from numpy.typing import NDArray
from torch import Tensor

from fmclust import load_run
from fmclust.data import Digits
from fmclust.data.datamodule import ImageDataModule
from fmclust.models import Encoder
from fmclust.runs import read_assignments
from fmclust.training.module import EncoderModule

CONTRASTIVE = ("model=contrastive", "cluster=spherical_kmeans", "trainer.max_epochs=2")
on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
both = pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=on_gpu)], ids=["cpu", "gpu"]
)
gpu = pytest.mark.parametrize("device", [pytest.param("cuda", marks=on_gpu)], ids=["gpu"])


def trainer_of(device: str) -> str:
    return "trainer=gpu" if device == "cuda" else "trainer=cpu"


@both
def test_images_are_moved_once_a_run(
    device: str, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, placed = [], ImageDataModule._placed

    def noted(self: ImageDataModule, images: Tensor, target: torch.device) -> Tensor:
        moved.append((len(images), target.type))
        return placed(self, images, target)

    monkeypatch.setattr(ImageDataModule, "_placed", noted)
    run_digits(trainer_of(device), "trainer.max_epochs=3")
    assert sorted(moved) == [(180, device), (1437, device)]


@pytest.mark.parametrize("free", [10**4, 10**9])
def test_images_that_fill_half_of_the_memory_are_moved_batch_by_batch(
    free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, free))
    moved: list[torch.device] = []

    def to(images: Tensor, device: torch.device) -> Tensor:
        moved.append(device)
        return images

    monkeypatch.setattr(Tensor, "to", to)
    images, device = torch.zeros(100, 1, 28, 28).byte(), torch.device("cuda")
    ImageDataModule(Digits())._placed(images, device)
    assert moved == ([device] if free > 10**5 else [])


@gpu
def test_such_images_train_as_well(
    device: str, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = [run_digits(trainer_of(device)).objective]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (10**4, 10**10))
    losses.append(run_digits(trainer_of(device)).objective)
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@both
def test_encoding_and_the_views_are_on_the_device(
    device: str, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fmclust.evaluation import stage
    from fmclust.models.augmentation import Augmentation

    seen = set()
    encode, augment = stage.encode_all, Augmentation.__call__

    def encoded(
        encoder: Encoder, images: Tensor, advance: Callable[[int], None]
    ) -> NDArray[np.float32]:
        seen.add(("encoding", next(encoder.parameters()).device.type))
        return encode(encoder, images, advance)

    def augmented(self: Augmentation, pixels: Tensor, generator: torch.Generator) -> Tensor:
        seen.add(("views", pixels.device.type))
        return augment(self, pixels, generator)

    monkeypatch.setattr(stage, "encode_all", encoded)
    monkeypatch.setattr(Augmentation, "__call__", augmented)
    run_digits(trainer_of(device), *CONTRASTIVE)
    assert seen == {("encoding", device), ("views", device)}


@both
def test_assign_gives_the_clusters_of_the_run(
    device: str, run_digits: Callable[..., Finished]
) -> None:
    run = load_run(run_digits(trainer_of(device), "cluster=kmeans").directory)
    images = Digits().splits["train"].images
    assert np.allclose(run.encode(images[:, 0].numpy()), run.latents["train"], atol=1e-4)
    found = run.assign(images[:, 0].numpy()).clusters
    assert (found == read_assignments(run.directory, "kmeans")["train"]).mean() > 0.99


@both
def test_two_runs_are_equal(device: str, run_digits: Callable[..., Finished]) -> None:
    runs = [load_run(run_digits(trainer_of(device)).directory) for _ in range(2)]
    first, second = (run.latents["train"] for run in runs)
    tolerance = 0 if device == "cpu" else 1e-3  # atomic sums of convolutions' gradients
    assert np.allclose(first, second, rtol=tolerance, atol=tolerance)


@gpu
@pytest.mark.parametrize("model", ["convae", "contrastive"])
def test_no_step_waits_for_the_gpu(
    model: str, device: str, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[str] = []
    step = EncoderModule.training_step

    def watched(self: EncoderModule, images: Tensor) -> Tensor:
        if self.trainer.is_last_batch:  # when the losses of the epoch are read
            return step(self, images)
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                return step(self, images)
        finally:
            torch.cuda.set_sync_debug_mode("default")
            waits.extend(str(w.message) for w in caught if "synchroniz" in str(w.message))

    monkeypatch.setattr(EncoderModule, "training_step", watched)
    run_digits(trainer_of(device), f"model={model}", "cluster=spherical_kmeans")
    assert waits == []
