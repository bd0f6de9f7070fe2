"""The contrastive encoder: its losses by their definitions, and its two stages."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from fmclust.config.schema import conf_directory
from fmclust.errors import UserError
from fmclust.models import Contrastive, Prototypes
from fmclust.models.contrastive import Residual, network

IMAGES = torch.randint(0, 256, (24, 1, 15, 17), generator=torch.Generator().manual_seed(0)).byte()


def encoder(**changes: Any) -> Contrastive:
    torch.manual_seed(0)
    loaded = OmegaConf.load(conf_directory() / "model" / "contrastive.yaml")
    settings: Any = OmegaConf.to_container(OmegaConf.merge({"n_clusters": 3}, loaded))
    settings |= {"n_clusters": 3, "image_shape": (1, 15, 17), **changes}
    return Contrastive(**{k: v for k, v in settings.items() if k not in ("name", "_target_")})


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_the_loss_is_nt_xent() -> None:
    net = encoder(temperature=0.5)
    views = torch.nn.functional.normalize(torch.randn(2, 5, 4, generator=generator()), dim=2)
    rows = views.flatten(0, 1).numpy()
    expected = []
    for i in range(10):
        similar = np.exp(rows @ rows[i] / 0.5)
        expected.append(-math.log(similar[(i + 5) % 10] / (similar.sum() - similar[i])))
    assert net._nt_xent(views).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_latents_are_the_features_of_every_size_of_image() -> None:
    net = encoder().eval()
    assert net.encode(IMAGES).shape == (24, 128)
    assert net.encode(torch.zeros(2, 1, 8, 64, dtype=torch.uint8)).shape == (2, 128)


def test_validation_says_the_same_of_the_same_pairs() -> None:
    net = encoder().eval()
    first, second = (net.validation_losses(IMAGES, generator()) for _ in range(2))
    assert {*first} == {"loss/val", "alignment", "uniformity"}
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["alignment"] >= 0 >= first["uniformity"]
    alone = net.validation_losses(IMAGES[:1], generator())
    assert {*alone} == {"loss/val", "alignment"}, "the distances between no images have no mean"


@pytest.mark.parametrize(
    ("wanted", "n_epochs", "stages"),
    [(0, 5, (5, 0)), (2, 5, (3, 2)), (8, 5, (3, 2)), (8, 1, (1, 0))],
)
def test_the_second_stage_takes_at_most_half(
    wanted: int, n_epochs: int, stages: tuple[int, int]
) -> None:
    net = encoder(self_labelling_epochs=wanted)
    assert net.stage_epochs(n_epochs) == stages
    began = [epoch for epoch in range(n_epochs) if net.start_epoch(epoch, n_epochs)]
    assert began == ([stages[0]] if stages[1] else [])


def test_the_learning_rates_have_one_cycle_in_each_stage() -> None:
    net = encoder(self_labelling_epochs=2)
    optimizer, schedule = net.configure_optimizer(n_steps=40, n_epochs=4)
    rates = []
    for _ in range(40):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    network, projector, prototypes = np.array(rates).T
    assert network[:20].max() == pytest.approx(2e-3, rel=0.05)
    assert network[20:].max() == pytest.approx(5e-4, rel=0.05)
    assert not projector[20:].any() and not prototypes[:20].any()
    assert prototypes[20:].max() == pytest.approx(5e-3, rel=0.05)
    assert network[19] < 1e-4 and network[39] < 1e-4


def test_targets_are_balanced_and_offsets_do_not_drift() -> None:
    net = encoder(self_labelling_epochs=2)
    prototypes = Prototypes(torch.eye(3, 128), torch.zeros(3), 0.05)
    net.set_prototypes(torch.zeros(128), prototypes)
    # Most images are nearest to the first prototype, by a little.
    latents = torch.rand(400, 128, generator=generator())
    latents[:, 0] += 0.1
    latents = torch.nn.functional.normalize(latents, dim=1)
    similarities = torch.stack([latents, latents]) @ torch.eye(128, 3)
    plain = (similarities[0] / 0.05).softmax(1).mean(0)
    for _ in range(200):
        targets = net._targets(similarities)
    assert plain[0] > 0.4
    assert targets.sum(1).numpy() == pytest.approx(1, abs=1e-5)
    balanced = (similarities[0] / 0.05 + net.offsets).softmax(1).mean(0)
    assert balanced.numpy() == pytest.approx(1 / 3, abs=0.01)
    assert net.offsets.mean().abs() < 1e-5


def test_mistakes_are_named() -> None:
    for changes, named in (
        ({"loss": "vicreg"}, "model.loss=vicreg"),
        ({"channels": [8, 8]}, "model.channels"),
        ({"temperature": 0}, "model.temperature=0"),
        ({"self_labelling_epochs": -1}, "model.self_labelling_epochs=-1"),
    ):
        with pytest.raises(UserError, match=named):
            encoder(**changes)


@pytest.mark.parametrize(
    ("shape", "n_stages"),
    [((1, 8, 8), 2), ((1, 55, 20), 2), ((3, 56, 56), 3), ((3, 112, 90), 4), ((3, 224, 224), 5)],
)
def test_larger_images_get_a_stage_for_each_doubling(
    shape: tuple[int, int, int], n_stages: int
) -> None:
    features = network(shape, [4, 6, 8])
    assert sum(isinstance(layer, Residual) for layer in features) == n_stages
    found = features(torch.rand(2, *shape))
    assert found.shape == (2, 8) and found.std() > 0
