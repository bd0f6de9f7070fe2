"""The networks: shapes at any image size, and that they learn."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import Answer, Finished
from layout import status_of
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from fmclust.data import ImageSource, Split
from fmclust.data.datamodule import ImageDataModule
from fmclust.errors import UserError
from fmclust.models import Autoencoder
from fmclust.training.module import EncoderModule

small_convae = partial(Autoencoder, network="convae", latents=10, channels=[8, 16])


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (9, 13), (64, 64)])
def test_reconstructions_have_the_images_shape(size: tuple[int, ...]) -> None:
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    model = small_convae(image_shape=[1, *size])
    assert model.encode(images).shape == (3, 10)
    reconstructions = model.reconstruct(images)
    assert reconstructions.shape == images.shape
    assert reconstructions.min() >= 0 and reconstructions.max() <= 1


@pytest.mark.parametrize(
    ("kernel", "stride", "channels"), [(8, 4, [8]), (4, 2, [4, 8]), (5, 1, [4])]
)
@pytest.mark.parametrize("size", [(28, 28), (30, 29), (8, 8), (64, 64)])
def test_any_kernel_gives_back_the_images_shape(
    kernel: int, stride: int, channels: list[int], size: tuple[int, ...]
) -> None:
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    model = small_convae(image_shape=[1, *size], channels=channels, kernel=kernel, stride=stride)
    assert model.encode(images).shape == (3, 10) and model.reconstruct(images).shape == images.shape


def test_a_kernel_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="8x8 pixels are too small"):
        small_convae(image_shape=[1, 8, 8], kernel=8, stride=4, channels=[8, 16, 32])


class EightImages(ImageSource):
    """Eight bars, as train and val."""

    def read(self) -> dict[str, Split]:
        images = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
        for row, image in enumerate(images):
            image[0, 3 * row : 3 * row + 4, 4:24] = 255
        return {"train": Split(images), "val": Split(images)}


class TrainingLosses(Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.values.append(float(trainer.callback_metrics["loss/train"]))


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_few_images_are_learned_by_heart(loss: str) -> None:
    torch.manual_seed(0)
    losses = TrainingLosses()
    trainer = Trainer(
        max_epochs=200,
        accelerator="cpu",
        callbacks=[losses],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(
        EncoderModule(small_convae(image_shape=[1, 28, 28], loss=loss, lr=3e-3), seed=0),
        ImageDataModule(EightImages(), batch_size=8, seed=0),
    )
    assert losses.values[-1] < losses.values[0] / 10


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(UserError, match="model.loss=mes .*model.loss=mse"):
        small_convae(image_shape=[1, 28, 28], loss="mes")


def test_a_loss_that_is_no_number_stops_training(run_digits: Callable[..., Finished]) -> None:
    with pytest.raises(UserError, match=r"loss.* is (nan|inf) .* of epoch 1, .*model.lr="):
        run_digits("model.lr=1e30", "model.schedule=constant", "trainer.max_epochs=3")


def test_the_checkpoint_before_such_a_loss_is_kept(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EncoderModule.training_step

    def spoiled(self: EncoderModule, images: Tensor) -> Tensor:
        loss = whole(self, images)
        return loss * float("nan") if self.current_epoch == 1 else loss

    monkeypatch.setattr(EncoderModule, "training_step", spoiled)
    typed = ("data=digits", "trainer=cpu", "trainer.max_epochs=3", "hydra.run.dir=run")
    answer = command_line("train", *typed)
    assert answer.refuses("epoch 2"), answer.err
    status = status_of(tmp_path / "run")
    assert status["status"] == "failed" and "nan" in status["reason"]
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert all(weights.isfinite().all() for weights in kept["state_dict"].values())
