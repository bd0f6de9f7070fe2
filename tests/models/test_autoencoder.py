"""The networks: shapes at any image size, and that they learn."""

import json

import pytest
import torch
from pytorch_lightning import Callback, Trainer

from fmclust.data import ImageSource, Split
from fmclust.data.datamodule import ImageDataModule
from fmclust.errors import UserError
from fmclust.models import Autoencoder
from fmclust.training.module import EncoderModule

AXES = {"network": "convae", "latents": 10, "channels": [8, 16]}


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (9, 13), (64, 64)])
def test_reconstructions_have_the_images_shape(size):
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    model = Autoencoder(image_size=list(size), **AXES)
    assert model.encode(images).shape == (3, 10)
    reconstructions = model.reconstruct(images)
    assert reconstructions.shape == images.shape
    assert reconstructions.min() >= 0 and reconstructions.max() <= 1


@pytest.mark.parametrize(
    ("kernel", "stride", "channels"), [(8, 4, [8]), (4, 2, [4, 8]), (5, 1, [4])]
)
@pytest.mark.parametrize("size", [(28, 28), (30, 29), (8, 8), (64, 64)])
def test_any_kernel_gives_back_the_images_shape(kernel, stride, channels, size):
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    axes = AXES | {"channels": channels, "kernel": kernel, "stride": stride}
    model = Autoencoder(image_size=list(size), **axes)
    assert model.encode(images).shape == (3, 10) and model.reconstruct(images).shape == images.shape


def test_a_kernel_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match="images of 8x8 pixels are too small for"):
        Autoencoder(image_size=[8, 8], kernel=8, stride=4, **AXES | {"channels": [8, 16, 32]})


class EightImages(ImageSource):
    """Eight bars, as train and val."""

    def read(self):
        images = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
        for row, image in enumerate(images):
            image[0, 3 * row : 3 * row + 4, 4:24] = 255
        return {"train": Split(images), "val": Split(images)}


class TrainingLosses(Callback):
    def __init__(self):
        self.values = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.values.append(float(trainer.callback_metrics["loss/train"]))


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_few_images_are_learned_by_heart(loss):
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
        EncoderModule(Autoencoder(image_size=[28, 28], loss=loss, lr=3e-3, **AXES), seed=0),
        ImageDataModule(EightImages(), batch_size=8, seed=0),
    )
    assert losses.values[-1] < losses.values[0] / 10


def test_an_unknown_loss_is_named():
    with pytest.raises(UserError, match="model.loss=mes is unknown: type model.loss=mse"):
        Autoencoder(image_size=[28, 28], loss="mes", **AXES)


def test_a_loss_that_is_no_number_stops_training(run_digits):
    with pytest.raises(
        UserError, match=r"loss.* is (nan|inf) .* of epoch 1, .*model.lr= with less"
    ):
        run_digits("model.lr=1e30", "model.schedule=constant", "trainer.max_epochs=3")


def test_the_checkpoint_before_such_a_loss_is_kept(command_line, tmp_path, monkeypatch):
    whole = EncoderModule.training_step

    def spoiled(self, images):
        loss = whole(self, images)
        return loss * float("nan") if self.current_epoch == 1 else loss

    monkeypatch.setattr(EncoderModule, "training_step", spoiled)
    typed = ("data=digits", "trainer=cpu", "trainer.max_epochs=3", "hydra.run.dir=run")
    answer = command_line("train", *typed)
    assert answer.status == 2 and "of epoch 2" in answer.err
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["status"] == "failed" and "nan" in status["reason"]
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert all(weights.isfinite().all() for weights in kept["state_dict"].values())
