"""The networks: shapes at any image size, and that they learn."""

import pytest
import torch
from pytorch_lightning import Callback, Trainer

from fmclust.data import ImageDataModule, Split
from fmclust.errors import UserError
from fmclust.models import Autoencoder

AXES = {"network": "convae", "latents": 10, "channels": [8, 16]}


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (9, 13), (64, 64)])
def test_reconstructions_have_the_images_shape(size):
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    model = Autoencoder(image_size=list(size), **AXES)
    assert model.encode(images).shape == (3, 10)
    reconstructions = model(images)
    assert reconstructions.shape == images.shape
    assert 0 <= reconstructions.min() and reconstructions.max() <= 1


@pytest.mark.parametrize(("stem", "channels"), [(2, [8, 16]), (4, [8]), (7, [4, 8, 8])])
def test_patches_become_channels_and_come_back(stem, channels):
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    axes = AXES | {"channels": channels, "stem": stem}
    model = Autoencoder(image_size=[28, 28], **axes)
    assert model.encode(images).shape == (3, 10) and model(images).shape == images.shape


def test_a_stem_that_does_not_divide_the_image_is_refused():
    with pytest.raises(UserError, match="model.stem=5 can't cut images of 28x20 pixels"):
        Autoencoder(image_size=[28, 20], stem=5, **AXES)


class EightImages(ImageDataModule):
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
        max_epochs=400,
        accelerator="cpu",
        callbacks=[losses],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(
        Autoencoder(image_size=[28, 28], loss=loss, lr=3e-3, **AXES),
        EightImages(batch_size=8, seed=0),
    )
    assert losses.values[-1] < losses.values[0] / 10


def test_an_unknown_loss_is_named():
    with pytest.raises(UserError, match="model.loss=mes is unknown: type model.loss=mse"):
        Autoencoder(image_size=[28, 28], loss="mes", **AXES)
