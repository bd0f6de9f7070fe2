"""Layers that compute what torch's own do, on patches folded into channels.

A convolution whose kernel is m strides wide equals one of m x m and stride 1 over patches of
stride x stride pixels, each patch a row of channels. Few wide products take a CPU less time than
many narrow ones, and channels that lie last in memory are flattened without a copy.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad


class FoldedConv2d(nn.Conv2d):
    """`nn.Conv2d` with a square kernel whose side is a multiple of the stride."""

    def forward(self, input: Tensor) -> Tensor:
        side, stride, margin = self.kernel_size[0], self.stride[0], int(self.padding[0])
        # What the last whole step does not reach is cut off.
        after = [margin - (size + 2 * margin - side) % stride for size in input.shape[-2:]]
        padded = pad(input, (margin, after[1], margin, after[0]))
        cells = in_blocks(padded, stride)
        patches = cells.permute(0, 2, 4, 1, 3, 5).flatten(3).permute(0, 3, 1, 2)
        weight = in_blocks(self.weight, stride)
        # (outer, inner, block, row, block, column): rows and columns of a patch become channels.
        return conv2d(patches, weight.permute(0, 1, 3, 5, 2, 4).flatten(1, 3), self.bias)


class FoldedConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a square kernel whose side is a multiple of the stride."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        side, stride, margin = self.kernel_size[0], self.stride[0], int(self.padding[0])
        weight = in_blocks(self.weight, stride).flip(2, 4)
        folded = weight.permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
        patches = conv2d(input, folded, padding=side // stride - 1)
        height, width = (extra - margin for extra in self.output_padding)
        cells = patches.permute(0, 2, 3, 1).unflatten(3, (-1, stride, stride))
        padded = cells.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
        images = pad(padded, (-margin, width, -margin, height))
        return images if self.bias is None else images + self.bias.view(-1, 1, 1)


class TransposedLinear(nn.Linear):
    """`nn.Linear` from few inputs to many, its weight lying the other way: (inputs, outputs).

    The products of its backward pass then have long rows, which takes half the time.
    """

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(inner, outer)
        self.weight = nn.Parameter(self.weight.detach().t().contiguous())

    def forward(self, input: Tensor) -> Tensor:
        return torch.addmm(self.bias, input, self.weight)


class Permute(nn.Module):
    """Orders the axes of a tensor anew."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, input: Tensor) -> Tensor:
        return input.permute(self.axes)


def in_blocks(images: Tensor, side: int) -> Tensor:
    """Cuts the last two of four axes: (N, C, H, W) to (N, C, H / side, side, W / side, side)."""
    return images.unflatten(3, (-1, side)).unflatten(2, (-1, side))


def is_foldable(kernel: int, stride: int) -> bool:
    """Says whether a convolution can be computed on folded patches, and gains by it."""
    return stride > 1 and kernel % stride == 0


def convolution(inner: int, outer: int, *, kernel: int, stride: int) -> nn.Conv2d:
    """Makes a convolution that is computed the faster way."""
    made = FoldedConv2d if is_foldable(kernel, stride) else nn.Conv2d
    return made(inner, outer, kernel, stride=stride, padding=margin_of(kernel, stride))


def transposed(
    outer: int, inner: int, *, kernel: int, stride: int, sizes: Sequence[tuple[int, int]]
) -> nn.ConvTranspose2d:
    """Makes the mirror image of a convolution.

    Args:
        outer: Channels that come in.
        inner: Channels that go out.
        kernel: Side of the kernel in pixels.
        stride: Pixels from one kernel to the next.
        sizes: Height and width of what goes out, and of what comes in.
    """
    margin = margin_of(kernel, stride)
    missing = tuple(
        full - ((size - 1) * stride - 2 * margin + kernel)
        for full, size in zip(*sizes, strict=True)
    )
    made = FoldedConvTranspose2d if is_foldable(kernel, stride) else nn.ConvTranspose2d
    return made(outer, inner, kernel, stride=stride, padding=margin, output_padding=missing)


def steps(side: int, *, kernel: int, stride: int) -> int:
    """Returns the side of what a convolution leaves of images with this side."""
    return (side + 2 * margin_of(kernel, stride) - kernel) // stride + 1


def margin_of(kernel: int, stride: int) -> int:
    """Returns the zeros around an image that make its kernels overlap its edges evenly."""
    return (kernel - stride + 1) // 2
