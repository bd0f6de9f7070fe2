"""Layers equal to torch's own, computed on patches that are folded into channels.

A convolution whose kernel is m strides wide equals a convolution with an m x m kernel and stride 1
over patches of stride x stride pixels, where the pixels of a patch are channels. On a CPU, a few
wide matrix products are faster than many narrow ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad


class FoldedConv2d(nn.Conv2d):
    """`nn.Conv2d` with a square kernel whose side is a multiple of the stride."""

    def forward(self, input: Tensor) -> Tensor:
        """Map images of shape (N, inner, H, W) to (N, outer, height, width)."""
        side, stride, margin = self.kernel_size[0], self.stride[0], int(self.padding[0])
        # Remove the rows and columns that are not covered by a whole kernel.
        bottom, right = (margin - (n + 2 * margin - side) % stride for n in input.shape[-2:])
        cells = in_blocks(pad(input, (margin, right, margin, bottom)), stride)
        patches = cells.permute(0, 2, 4, 1, 3, 5).flatten(3).permute(0, 3, 1, 2)
        weight = in_blocks(self.weight, stride)
        # (outer, inner, block, row, block, column): rows and columns of a patch become channels.
        return conv2d(patches, weight.permute(0, 1, 3, 5, 2, 4).flatten(1, 3), self.bias)


class FoldedConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a square kernel whose side is a multiple of the stride."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: ARG002 torch's signature
        """Map images of shape (N, outer, height, width) to (N, inner, H, W)."""
        side, stride, margin = self.kernel_size[0], self.stride[0], int(self.padding[0])
        weight = in_blocks(self.weight, stride).flip(2, 4)
        folded = weight.permute(1, 3, 5, 0, 2, 4).flatten(0, 2)
        patches = conv2d(input, folded, padding=side // stride - 1)
        bottom, right = (missing - margin for missing in self.output_padding)
        cells = patches.permute(0, 2, 3, 1).unflatten(3, (-1, stride, stride))
        padded = cells.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
        images = pad(padded, (-margin, right, -margin, bottom))
        return images if self.bias is None else images + self.bias.view(-1, 1, 1)


class TransposedLinear(nn.Linear):
    """`nn.Linear` from few inputs to many, with a weight of shape (inputs, outputs).

    The matrices in its backward pass then have long rows, which halves the time.
    """

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(inner, outer)
        self.weight = nn.Parameter(self.weight.detach().t().contiguous())

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, inner) to (N, outer)."""
        return torch.addmm(self.bias, input, self.weight)


class Permute(nn.Module):
    """Permute the axes of a tensor."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, input: Tensor) -> Tensor:
        """Return a view with the axes in the new order."""
        return input.permute(self.axes)


def in_blocks(images: Tensor, side: int) -> Tensor:
    """Split the last two of four axes: (N, C, H, W) to (N, C, H / side, side, W / side, side)."""
    blocks: Tensor = images.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return blocks


def convolution(inner: int, outer: int, *, kernel: int, stride: int) -> nn.Conv2d:
    """Build a convolution, folded if its kernel and stride allow it."""
    layer = FoldedConv2d if _is_foldable(kernel, stride) else nn.Conv2d
    return layer(inner, outer, kernel, stride=stride, padding=margin_of(kernel, stride))


def transposed(
    outer: int, inner: int, *, kernel: int, stride: int, sizes: Sequence[tuple[int, int]]
) -> nn.ConvTranspose2d:
    """Build the transposed convolution that mirrors a convolution.

    Args:
        outer: Input channels.
        inner: Output channels.
        kernel: Side of the kernel in pixels.
        stride: Stride in pixels.
        sizes: Height and width of the output, then of the input.
    """
    margin = margin_of(kernel, stride)
    padding = tuple(
        large - ((small - 1) * stride - 2 * margin + kernel)
        for large, small in zip(*sizes, strict=True)
    )
    layer = FoldedConvTranspose2d if _is_foldable(kernel, stride) else nn.ConvTranspose2d
    return layer(outer, inner, kernel, stride=stride, padding=margin, output_padding=padding)


def steps(side: int, *, kernel: int, stride: int) -> int:
    """Return the side in pixels of a convolution's output for an input with this side."""
    return (side + 2 * margin_of(kernel, stride) - kernel) // stride + 1


def min_side(kernels: Sequence[int], stride: int) -> int:
    """Return the smallest side of images, in pixels, for successive convolutions."""
    side = 1
    for kernel in reversed(kernels):
        side = max(side, (side - 1) * stride + kernel - 2 * margin_of(kernel, stride))
    return side


def margin_of(kernel: int, stride: int) -> int:
    """Return the padding in pixels for which the kernels overlap both edges equally."""
    return (kernel - stride + 1) // 2


def _is_foldable(kernel: int, stride: int) -> bool:
    return stride > 1 and kernel % stride == 0
