"""Penalties against their definitions, and what is drawn at random while training."""

from functools import partial
from typing import Any

import pytest
import torch
from conftest import composed
from pytorch_lightning import Trainer, seed_everything
from torch.func import jacrev, vmap

from fmclust.data import Digits
from fmclust.data.datamodule import ImageDataModule
from fmclust.errors import UserError
from fmclust.models import Autoencoder, build_encoder
from fmclust.models.regularizers import contraction, sparsity
from fmclust.training.module import EncoderModule

one_layer = partial(
    Autoencoder,
    image_shape=[1, 6, 5],
    network="dense",
    latents=4,
    hidden=[],
    latent_activation="sigmoid",
)


def test_the_contraction_is_the_jacobians_norm() -> None:
    torch.manual_seed(0)
    network = one_layer().network
    images = torch.rand(7, 1, 6, 5)
    jacobians = vmap(jacrev(lambda image: network.encode(image[None])[0]))(images)
    expected = jacobians.square().flatten(1).sum(dim=1).mean()
    torch.testing.assert_close(contraction(network, network.encode(images)), expected)


@pytest.mark.parametrize("axes", [{"hidden": [8]}, {"latent_activation": "relu"}])
def test_the_contraction_of_other_networks_is_refused(axes: dict[str, Any]) -> None:
    network = one_layer(**axes).network
    with pytest.raises(UserError, match="one sigmoid layer.*model=contractive"):
        contraction(network, network.encode(torch.rand(2, 1, 6, 5)))


def test_sparsity_is_the_mean_absolute_latent() -> None:
    latents = torch.tensor([[1.0, -3.0], [0.0, 2.0]])
    network = one_layer().network
    assert sparsity(network, latents) == 1.5


def losses_after_an_epoch(*options: str) -> dict[str, float]:
    seed_everything(0, verbose=False)  # the same weights, whatever the config's seed
    config = composed(*options)
    module = EncoderModule(build_encoder(config.model, [1, 28, 28]), seed=config.seed)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, ImageDataModule(Digits(), batch_size=256, seed=0))
    return {name: float(trainer.callback_metrics[name]) for name in ("loss/train", "loss/val")}


@pytest.mark.parametrize("option", ["model=denoising", "model.dropout=0.2"])
def test_noise_and_dropout_follow_from_the_seed(option: str) -> None:
    twice = [losses_after_an_epoch(option) for _ in range(2)]
    assert twice[0] == twice[1] != losses_after_an_epoch(option, "seed=1")


def test_a_penalty_changes_what_is_learned() -> None:
    options = ("model=contractive", "model.lr=0.01")
    free, held = (
        losses_after_an_epoch(*options, f"model.penalty_weight={weight}") for weight in (0, 1)
    )
    assert free["loss/val"] < held["loss/val"]
