"""Preprocessing of pixels, there and back."""

from functools import partial

import pytest
import torch

from fmclust.errors import UserError
from fmclust.models import Autoencoder, Pixels
from fmclust.models.preprocessing import destandardize, standardize, stretch, to_uint8

IMAGES = torch.randint(0, 256, (5, 1, 9, 7), generator=torch.Generator().manual_seed(0)).byte()


def test_standardized_images_have_mean_0_and_standard_deviation_1_each() -> None:
    made = standardize(IMAGES).flatten(1)
    assert made.mean(1) == pytest.approx(0, abs=1e-5)
    assert made.std(1, correction=0) == pytest.approx(1, abs=1e-5)
    brighter = (IMAGES // 2 + 100).byte()
    assert torch.allclose(standardize((IMAGES // 2).byte()), standardize(brighter), atol=1e-4)


def test_the_way_back_gives_the_images() -> None:
    assert torch.equal(to_uint8(destandardize(standardize(IMAGES), IMAGES)), IMAGES)


def test_an_image_of_one_colour_stays_finite() -> None:
    flat = torch.full((1, 1, 4, 4), 7, dtype=torch.uint8)
    assert standardize(flat).abs().max() < 1e-3 and stretch(standardize(flat)).isfinite().all()


def test_what_is_shown_lies_in_0_to_1() -> None:
    shown = Pixels(image_shape=(1, 9, 7), preprocessing="standardize").decode(
        standardize(IMAGES).flatten(1)
    )
    assert shown.shape == IMAGES.shape and shown.min() == 0 and shown.max() == 1


def test_a_network_of_standardized_images_ends_linearly_and_takes_no_bce() -> None:
    convae = partial(
        Autoencoder,
        network="convae",
        image_shape=[1, 12, 12],
        preprocessing="standardize",
        latents=2,
        channels=[2],
    )
    model = convae()
    reconstructed = model.reconstruct(torch.zeros(3, 1, 12, 12, dtype=torch.uint8))
    assert reconstructed.shape == (3, 1, 12, 12) and reconstructed.min() >= 0
    assert model.network.decode(torch.full((1, 2), 50.0)).abs().max() > 1
    with pytest.raises(UserError, match="model.loss=mse"):
        convae(loss="bce")
    with pytest.raises(UserError, match="model.preprocessing=scal .*model.preprocessing=scale"):
        Pixels(image_shape=(1, 9, 7), preprocessing="scal")
