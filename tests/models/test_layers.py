"""Folded convolutions against torch's own, which they must equal."""

import pytest
import torch
from torch import nn

from fmclust.models.layers import (
    FoldedConv2d,
    FoldedConvTranspose2d,
    TransposedLinear,
    convolution,
    margin_of,
    transposed,
)

CASES = [  # kernel, stride, height, width, inner and outer channels
    (8, 4, 28, 28, 1, 48),
    (8, 4, 30, 29, 1, 8),
    (12, 4, 28, 28, 2, 8),
    (4, 2, 7, 9, 3, 5),
    (4, 4, 30, 29, 2, 5),
]


@pytest.mark.parametrize(("kernel", "stride", "height", "width", "inner", "outer"), CASES)
def test_folded_layers_equal_torchs_and_have_its_gradients(
    kernel: int, stride: int, height: int, width: int, inner: int, outer: int
) -> None:
    torch.manual_seed(0)
    padding = margin_of(kernel, stride)
    down = convolution(inner, outer, kernel=kernel, stride=stride)
    theirs = nn.Conv2d(inner, outer, kernel, stride, padding)
    theirs.load_state_dict(down.state_dict())
    images = torch.randn(3, inner, height, width)
    small = down(images)
    assert isinstance(down, FoldedConv2d)
    torch.testing.assert_close(small, theirs(images), rtol=1e-4, atol=1e-5)

    sizes = ((height, width), tuple(small.shape[-2:]))
    up = transposed(outer, inner, kernel=kernel, stride=stride, sizes=sizes)
    bottom, right = up.output_padding
    mirrored = nn.ConvTranspose2d(outer, inner, kernel, stride, padding, (bottom, right))
    mirrored.load_state_dict(up.state_dict())
    assert isinstance(up, FoldedConvTranspose2d)
    torch.testing.assert_close(up(small), mirrored(small), rtol=1e-4, atol=1e-5)
    assert up(small).shape == images.shape

    up(small).square().sum().backward()
    mirrored(theirs(images)).square().sum().backward()
    for ours, torchs in ((down, theirs), (up, mirrored)):
        for name, weight in ours.named_parameters():
            torch.testing.assert_close(
                weight.grad, torchs.get_parameter(name).grad, rtol=1e-3, atol=1e-3
            )


def test_other_kernels_are_torchs_own() -> None:
    assert type(convolution(1, 2, kernel=3, stride=2)) is nn.Conv2d
    sizes = ((7, 7), (4, 4))
    assert type(transposed(2, 1, kernel=3, stride=2, sizes=sizes)) is nn.ConvTranspose2d


def test_a_widening_layer_equals_torchs() -> None:
    ours, theirs = TransposedLinear(3, 20), nn.Linear(3, 20)
    theirs.load_state_dict({"weight": ours.weight.t(), "bias": ours.bias})
    latents = torch.randn(5, 3)
    torch.testing.assert_close(ours(latents), theirs(latents))
