"""Random views: what each magnitude does, and that the generator decides all of it."""

from typing import Any

import pytest
import torch

from fmclust.errors import UserError
from fmclust.models.augmentation import Augmentation

NOTHING: dict[str, Any] = {
    "scale": [1, 1],
    "aspect": 0,
    "shift": 0,
    "rotation": 0,
    "flip": False,
    "brightness": [1, 1],
    "blur": 0,
    "hole": 0,
    "hole_size": 0.25,
    "crop": 0,
    "hue": 0,
    "saturation": [1, 1],
    "grayscale": 0,
}
IMAGES = torch.rand((64, 1, 12, 20), generator=torch.Generator().manual_seed(0))


def views(images: torch.Tensor = IMAGES, seed: int = 0, **magnitudes: Any) -> torch.Tensor:
    augment = Augmentation(**NOTHING | magnitudes)
    return augment(images, torch.Generator().manual_seed(seed))


def test_without_any_change_views_are_the_images() -> None:
    assert torch.allclose(views(), IMAGES, atol=1e-5)


def test_the_generator_alone_decides_the_views() -> None:
    changes: dict[str, Any] = {"scale": [0.7, 1.2], "rotation": 20, "flip": True}
    changes |= {"hole": 0.5, "blur": 0.5}
    assert torch.equal(views(**changes), views(**changes))
    assert not torch.allclose(views(**changes), views(seed=1, **changes), atol=0.1)


def in_colour(images: torch.Tensor) -> torch.Tensor:
    """Return images whose green and blue are darker than their red."""
    return torch.cat([images, images / 2, images / 4], dim=1)


def test_images_in_colour_are_moved_as_gray_ones() -> None:
    changes: dict[str, Any] = {"scale": [0.7, 1.2], "rotation": 20, "flip": True}
    changes |= {"hole": 0.5, "blur": 0.5, "brightness": [0.5, 0.9], "crop": 0.4}
    assert torch.allclose(
        views(in_colour(IMAGES), **changes), in_colour(views(**changes)), atol=1e-5
    )


def test_hue_and_saturation_change_the_colours_alone() -> None:
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    colours = in_colour(IMAGES) / 2 + 0.25
    for changes in ({"hue": 40}, {"saturation": [0.2, 0.9]}, {"hue": 40, "saturation": [0.5, 0.5]}):
        made = views(colours, **changes)
        assert not torch.allclose(made, colours, atol=0.05)
        kept = ((made > 0) & (made < 1)).all(dim=1)
        difference = ((made - colours) * luma).sum(dim=1).abs()
        assert difference[kept].max() < 0.01


def test_half_of_the_views_are_gray() -> None:
    made = views(in_colour(IMAGES), grayscale=0.5)
    gray = (made.amax(1) - made.amin(1)).flatten(1).amax(1) < 0.01
    assert 0.25 < gray.float().mean() < 0.75
    assert torch.allclose(made[~gray], in_colour(IMAGES)[~gray], atol=0.01)


def test_a_crop_enlarges_the_content_and_stays_inside() -> None:
    ramp = torch.linspace(0.2, 0.8, 40).expand(64, 1, 40, 40)
    made = views(ramp, crop=0.75)
    shown = made.amax(dim=(1, 2, 3)) - made.amin(dim=(1, 2, 3))
    assert 0.2 < shown.min() < 0.4 and shown.max() > 0.5
    assert made.min() >= 0.19, "nothing beside the image"


def test_gray_images_have_no_colours_to_change() -> None:
    for changes in ({"hue": 10}, {"saturation": [0.5, 1]}, {"grayscale": 0.2}):
        with pytest.raises(UserError, match=r"type model\.augment\.hue=0"):
            Augmentation(**NOTHING | changes).require_channels(1)
    Augmentation(**NOTHING).require_channels(1)


def test_half_of_the_images_are_mirrored() -> None:
    made = views(flip=True)
    same = (made - IMAGES).abs().flatten(1).amax(1) < 1e-4
    mirrored = (made - IMAGES.flip(3)).abs().flatten(1).amax(1) < 1e-4
    assert (same ^ mirrored).all() and 0.25 < mirrored.float().mean() < 0.75


@pytest.mark.parametrize(("factor", "side"), [(0.5, 4), (2.0, 16)])
def test_a_square_is_scaled_by_the_factor(factor: float, side: int) -> None:
    image = torch.zeros(1, 1, 32, 32)
    image[..., 12:20, 12:20] = 1
    assert views(image, scale=[factor, factor]).sum().item() == pytest.approx(side**2, rel=0.02)


def test_a_rotated_square_keeps_its_area_in_an_image_that_is_not_square() -> None:
    image = torch.zeros(32, 1, 40, 60)
    image[..., 15:25, 25:35] = 1
    made = views(image, rotation=45).sum(dim=(1, 2, 3))
    assert made.numpy() == pytest.approx(100, rel=0.05)


def test_what_comes_into_view_is_the_background() -> None:
    light = torch.ones(8, 1, 16, 16)
    light[..., 6:10, 6:10] = 0
    made = views(light, scale=[0.5, 0.5], shift=0.2, hole=1.0)
    assert made[..., 0, :].min() > 0.99 and made.max() <= 1


def test_a_hole_covers_a_square() -> None:
    image = torch.ones(16, 1, 20, 20)
    image[..., 0, :] = image[..., -1, :] = image[..., 0] = image[..., -1] = 0  # the background
    covered = (views(image, hole=1.0, hole_size=0.25) < image - 0.5).flatten(1).sum(1)
    assert covered.min() >= 16 and covered.max() == 25


def test_brightness_is_bounded_by_white() -> None:
    made = views(brightness=[2, 2])
    assert torch.allclose(made, (2 * IMAGES).clamp(max=1), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": 1.2}, "model.augment.scale=1.2"),
        ({"scale": [1.2, 0.8]}, r"scale=\[0.8,1.2\]"),
        ({"scale": [0, 1]}, "above 0"),
        ({"flip": "no"}, "model.augment.flip=no"),
        ({"hole": 1.5}, "model.augment.hole=1.5"),
        ({"rotation": 200}, "at most 180"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        Augmentation(**NOTHING | changes)
