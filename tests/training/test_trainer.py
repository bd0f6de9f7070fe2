"""Training: who is rank zero, what is read once, what is logged where, on which device."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SMALL, Finished, composed
from layout import events_of, status_of
from omegaconf import OmegaConf
from PIL import Image
from pytorch_lightning import Trainer
from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from torch import Tensor

from fmclust.data import Digits, EpochOrder, ResidentLoader
from fmclust.data.datamodule import ImageDataModule
from fmclust.errors import UserError
from fmclust.jobs.run import resume_job, run_job
from fmclust.models import Encoder, Pixels, build_encoder, encode_all, read_checkpoint
from fmclust.models.encoder import StepLosses
from fmclust.runs import read_losses, read_metrics
from fmclust.training.checkpoints import AtomicCheckpointIO, _require_planned
from fmclust.training.loggers import RunLogger
from fmclust.training.module import EncoderModule
from fmclust.training.tensorboard import log_setup
from fmclust.training.trainer import build_trainer, is_single_process


@pytest.mark.parametrize(
    ("typed", "single"),
    [
        ({}, True),
        ({"devices": [1]}, True),
        ({"devices": "1"}, True),
        ({"devices": 2}, False),
        ({"devices": [0, 1]}, False),
        ({"devices": "auto"}, False),
        ({"strategy": "ddp"}, False),
        ({"num_nodes": 2}, False),
    ],
)
def test_what_one_process_is(typed: dict[str, object], single: bool) -> None:
    settings = OmegaConf.create({"devices": 1, "strategy": "auto"} | typed)
    assert is_single_process(settings) == single


@pytest.mark.parametrize(("n", "batch", "world"), [(5, 1, 2), (7, 1, 3), (3, 4, 3), (9, 2, 4)])
def test_no_process_gets_an_empty_batch(n: int, batch: int, world: int) -> None:
    lengths, seen = set(), []
    for rank in range(world):
        batches = list(
            ResidentLoader(torch.arange(n), EpochOrder(n, batch, rank=rank, world_size=world))
        )
        assert all(len(rows) for rows in batches)
        lengths.add(len(batches))
        seen += torch.cat(batches).tolist()
    assert sorted(seen) == list(range(n)) and len(lengths) == 1


def test_fewer_images_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ImageDataModule(Digits(), batch_size=8, seed=0)
    data.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    monkeypatch.setattr(Trainer, "world_size", 200)
    with pytest.raises(UserError, match="val.* 180 .* 200 .*trainer.devices="):
        data.val_dataloader()


class Pictures(Logger):
    """A logger of a user's own, which takes images."""

    name, version = "pictures", "0"
    kept: dict[str, list[tuple[Any, int | None]]] = {}  # what is logged, and its step

    @property
    @rank_zero_experiment
    def experiment(self) -> "Pictures":
        return self

    def log_hyperparams(self, params: object, *args: object, **kwargs: object) -> None:
        pass

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.kept.setdefault("metrics", []).append((metrics, step))

    def log_image(self, key: str, images: list[Image.Image], step: int | None = None) -> None:
        self.kept.setdefault(key, []).append((images[0].size, step))


def test_final_scores_and_figures_reach_every_logger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FMCLUST_TRUST", __name__)
    monkeypatch.setattr(Pictures, "kept", {})
    typed = [*SMALL, "figures=true", f"+logger.own._target_={__name__}.Pictures"]
    run_job(composed(*typed), tmp_path / "run", typed)
    metrics, step = Pictures.kept["metrics"][-1]
    assert step == 1 and 0 < metrics["gmm/test/accuracy"] <= 1
    assert {"gmm/test/samples", "gmm/test/confusion_matched", "reconstructions"} <= {*Pictures.kept}


def test_a_logger_that_fails_at_the_end_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ConnectionError("the server is gone")

    monkeypatch.setenv("FMCLUST_TRUST", __name__)
    monkeypatch.setattr(Pictures, "log_image", gone)
    typed = [*SMALL, "figures=true", f"+logger.own._target_={__name__}.Pictures"]
    run_job(composed(*typed), tmp_path / "run", typed)
    status = status_of(tmp_path / "run")
    assert status["status"] == "done" and (tmp_path / "run" / "report.html").exists()
    shown = "the figure gmm/test/samples is not shown by every logger: the server is gone"
    assert shown in status["warnings"]
    assert (tmp_path / "run" / "figures" / "gmm_test_samples.png").exists()


@pytest.mark.parametrize("model", ["vanilla", "contrastive"])
def test_gradients_are_clipped_in_any_precision(
    model: str, run_digits: Callable[..., Finished]
) -> None:
    typed = (f"model={model}", "trainer.precision=bf16-mixed", "~callbacks.cluster_latents")
    free, clipped = (
        read_losses(run_digits(*typed, f"trainer.gradient_clip_val={limit}").directory)
        for limit in ("null", "1e-9")
    )
    assert free["loss/train"] != clipped["loss/train"]


def test_the_best_weights_give_the_loss_though_nothing_is_clustered(
    run_digits: Callable[..., Finished],
) -> None:
    typed = ("encode_from=best", "model.lr=0.05", "trainer.max_epochs=4", "seed=3")
    run = run_digits(*typed, "~callbacks.cluster_latents")
    assert read_metrics(run.directory)["loss/val"] == min(read_losses(run.directory)["loss/val"])


def test_an_encoder_with_a_training_loss_that_does_not_say_that_it_trains_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FMCLUST_TRUST", __name__)
    settings = OmegaConf.create({"_target_": f"{__name__}.Untold", "name": "x"})
    with pytest.raises(UserError, match="trains = True"):
        build_encoder(settings, [1, 8, 8])


class Untold(Encoder):
    def __init__(self, *, image_shape: list[int]) -> None:
        super().__init__()

    def training_losses(self, images: Tensor, generator: torch.Generator) -> StepLosses:
        raise AssertionError("it is refused before")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is used")
def test_steps_neither_search_for_gpus_nor_format_stack_traces(
    run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            called.append(function.__name__)
            return function(*arguments, **options)

        return call

    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # as Lightning has set it
    for module, name in (torch.cuda, "_raw_device_count_nvml"), (traceback, "format_stack"):
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    run_digits("cluster=kmeans", "trainer.limit_train_batches=1")
    once = len(called)
    assert "_raw_device_count_nvml" in called  # before the training
    called.clear()
    run_digits("cluster=kmeans", "trainer.limit_train_batches=8")
    assert len(called) <= once


@pytest.mark.parametrize(
    ("final_metrics", "charts"),
    [
        (
            ["loss/val", "gmm/bic", "gmm/test/accuracy"],
            {"training", "scores on the held-out split"},
        ),
        (["loss/train", "gmm/bic"], {"training"}),
        (["kmeans/inertia", "kmeans/all/accuracy"], {"scores on the held-out split"}),
        (["kmeans/inertia"], set()),
    ],
)
def test_no_chart_of_tensorboard_stays_empty(
    final_metrics: list[str], charts: set[str], tmp_path: Path
) -> None:
    logger = RunLogger(tmp_path)
    log_setup([logger], composed(*SMALL), [], final_metrics, ["accuracy"])
    logger.finalize("ended")
    tensors = events_of(tmp_path).Tensors
    found = set()
    with suppress(KeyError):
        layout = Layout.FromString(
            tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
        )
        found = {category.title for category in layout.category}
    assert found == charts


def test_a_checkpoint_of_another_network_is_refused(stopped: Path) -> None:
    with pytest.raises(UserError, match=r"last\.ckpt is of another network than config\.yaml"):
        resume_job(stopped, {"model.latents": 3}, is_own=True)


def test_an_encoder_is_monitored_by_what_is_logged() -> None:
    class Other(Pixels):
        monitor = "alignment/val"

    with pytest.raises(UserError, match="monitor=alignment/val"):
        EncoderModule(Other(image_shape=(1, 8, 8)), seed=0)


def test_encoding_computes_in_float32_whatever_is_set() -> None:
    seen = []

    class Asking(Pixels):
        def encode(self, images: Tensor) -> Tensor:
            seen.append(
                (
                    torch.backends.cudnn.allow_tf32,
                    torch.get_float32_matmul_precision(),
                    torch.is_autocast_enabled("cpu"),
                )
            )
            return super().encode(images)

    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            latents = encode_all(Asking(image_shape=(1, 8, 8)), torch.ones(3, 1, 8, 8).byte())
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert latents.dtype == np.float32 and {*seen} == {(False, "highest", False)}
    assert torch.backends.cudnn.allow_tf32


def test_numbers_of_numpy_in_a_checkpoint_are_read_again(tmp_path: Path) -> None:
    state = {"lr": np.float64(0.5), "callbacks": {"own": [np.int64(3), "text", torch.ones(2)]}}
    writer = AtomicCheckpointIO()
    writer.save_checkpoint(state, tmp_path / "a.ckpt")
    found = read_checkpoint(tmp_path / "a.ckpt")
    assert found["lr"] == 0.5 and found["callbacks"]["own"][:2] == [3, "text"]
    with pytest.raises(UserError, match="use numbers, texts, lists and tensors only"):
        AtomicCheckpointIO().save_checkpoint({"own": tmp_path}, tmp_path / "b.ckpt")
    assert not (tmp_path / "b.ckpt").exists()


def test_no_more_epochs_are_trained_than_the_learning_rate_was_planned_for() -> None:
    checkpoint = {"global_step": 80, "epoch": 7, "lr_schedulers": [{"total_steps": 100}]}
    _require_planned(checkpoint, 10)
    with pytest.raises(UserError, match=r"trainer\.max_epochs=20, .* for 10 epochs"):
        _require_planned(checkpoint, 20)


def test_weights_are_those_of_the_last_checkpoint(tmp_path: Path) -> None:
    name = "pytorch_lightning.callbacks.StochasticWeightAveraging"
    config = composed(*SMALL, f"+callbacks.s._target_={name}", "+callbacks.s.swa_lrs=0.01")
    with pytest.raises(UserError, match="StochasticWeightAveraging changes the weights after"):
        build_trainer(config, tmp_path)
