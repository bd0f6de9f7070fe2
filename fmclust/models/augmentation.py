"""Random views of images for self-supervised training, drawn for a whole batch on its device."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

from fmclust.errors import UserError, require_bool, require_number

YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))  # of RGB (NTSC)
BLUR = (0.25, 0.5, 0.25)  # binomial kernel along each axis: a standard deviation of 0.7 pixels


class Augmentation:
    """Draw a random view of every image of a batch.

    Each image is scaled, stretched, rotated, shifted and flipped in one bilinear resampling, then
    blurred, covered by a square, and made brighter or darker. The square, and the area outside of
    the image, get the colour of the image's background: the median of its border. Then the colours
    change. A magnitude of 0 (or `[1, 1]`) turns a change off.

    Args:
        scale: Minimum and maximum factor of the size of the content.
        aspect: Maximum relative change of the ratio of width to height, from 0.
        shift: Maximum shift along each axis, as a share of the side.
        rotation: Maximum angle in degrees, in both directions.
        flip: Whether half of the images are mirrored left to right.
        brightness: Minimum and maximum factor of the pixels.
        blur: Probability that an image is blurred.
        hole: Probability that a square of an image is covered.
        hole_size: Side of the square, as a share of the smaller side of the image.
        crop: Maximum share of the area that is cut away; what remains fills the view.
        hue: Maximum rotation of all hues in degrees, in both directions.
        saturation: Minimum and maximum factor of the saturation.
        grayscale: Probability that a view is gray.

    Raises:
        UserError: If a number is out of range.
    """

    def __init__(
        self,
        *,
        scale: Sequence[float],
        aspect: float,
        shift: float,
        rotation: float,
        flip: bool,
        brightness: Sequence[float],
        blur: float,
        hole: float,
        hole_size: float,
        crop: float = 0,
        hue: float = 0,
        saturation: Sequence[float] = (1, 1),
        grayscale: float = 0,
    ) -> None:
        _require_range("scale", scale)
        _require_range("brightness", brightness)
        _require_at_most("aspect", aspect, 0.99)  # 1 would make a width of zero
        _require_at_most("shift", shift, 1)
        _require_at_most("rotation", rotation, 180)
        require_bool("model.augment.flip", flip)
        _require_at_most("blur", blur, 1)
        _require_at_most("hole", hole, 1)
        _require_at_most("hole_size", hole_size, 1)
        self.scale, self.aspect, self.shift, self.rotation = scale, aspect, shift, rotation
        self.flip, self.brightness, self.blur = flip, brightness, blur
        self.hole, self.hole_size = hole, hole_size
        _require_at_most("crop", crop, 0.99)
        _require_at_most("hue", hue, 180)
        _require_range("saturation", saturation)
        _require_at_most("grayscale", grayscale, 1)
        self.crop, self.hue, self.saturation, self.grayscale = crop, hue, saturation, grayscale
        self.changes_colours = bool(hue or grayscale or [*saturation] != [1, 1])

    def require_channels(self, channels: int) -> None:
        """Refuse changes of colours for images of one channel.

        Raises:
            UserError: Says how to turn them off.
        """
        if channels == 1 and self.changes_colours:
            raise UserError(
                "the images are gray, and have no colours to change: type model.augment.hue=0 "
                "'model.augment.saturation=[1,1]' model.augment.grayscale=0."
            )

    def __call__(self, pixels: Tensor, generator: Generator) -> Tensor:
        """Return a view of each image.

        Args:
            pixels: float32 tensor of shape (N, C, H, W), 0 to 1; C is 1 or 3.
            generator: Source of all random numbers, on the device of the pixels.

        Returns:
            float32 tensor of the same shape, 0 to 1.
        """
        draw = _Draws(pixels, generator)
        background = _background(pixels)
        views = self._moved(pixels - background, draw)
        if self.blur:
            blurred = _blurred(views)
            views = torch.where(draw.event(self.blur), blurred, views)
        if self.hole:
            views = views.masked_fill(self._holes(views, draw) & draw.event(self.hole), 0.0)
        views = ((views + background) * draw.uniform(*self.brightness)).clamp(0, 1)
        return self._recoloured(views, draw) if self.changes_colours else views

    def _moved(self, pixels: Tensor, draw: "_Draws") -> Tensor:
        """Resample images by a random affine map of each."""
        height, width = pixels.shape[-2:]
        scale = draw.uniform(*self.scale).flatten()
        stretch = draw.uniform(-self.aspect, self.aspect).flatten().add(1).sqrt()
        angle = draw.uniform(-self.rotation, self.rotation).flatten() * (math.pi / 180)
        mirror = torch.ones_like(scale)
        if self.flip:
            mirror = 1 - 2 * draw.event(0.5).flatten().float()
        shifts = [2 * draw.uniform(-self.shift, self.shift).flatten() for _ in range(2)]
        if self.crop:
            kept = draw.uniform(1 - self.crop, 1).flatten().sqrt()  # of each side
            scale = scale / kept
            shifts = [s + draw.uniform(-1, 1).flatten() * (1 - kept) for s in shifts]
        cos, sin = angle.cos() / scale, angle.sin() / scale
        # Maps coordinates of a view, -1 to 1 along each axis, to those of its image.
        rows = [
            torch.stack([mirror * cos / stretch, -sin * (height / width) / stretch, shifts[0]], 1),
            torch.stack([mirror * sin * (width / height) * stretch, cos * stretch, shifts[1]], 1),
        ]
        grid = functional.affine_grid(torch.stack(rows, 1), [*pixels.shape], align_corners=False)
        return functional.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False)

    def _recoloured(self, pixels: Tensor, draw: "_Draws") -> Tensor:
        """Rotate the hues and scale the saturation, in the colour space YIQ."""
        angle = draw.uniform(-self.hue, self.hue).flatten() * (math.pi / 180)
        factor = draw.uniform(*self.saturation).flatten()
        factor = factor.masked_fill(draw.event(self.grayscale).flatten(), 0.0)
        cos, sin = factor * angle.cos(), factor * angle.sin()
        one, zero = torch.ones_like(cos), torch.zeros_like(cos)
        rows = [(one, zero, zero), (zero, cos, -sin), (zero, sin, cos)]
        turned = torch.stack([torch.stack(row, 1) for row in rows], 1)
        to_yiq = torch.tensor(YIQ, device=pixels.device)
        matrices = to_yiq.inverse() @ turned @ to_yiq
        return torch.einsum("nij,njhw->nihw", matrices, pixels).clamp(0, 1)

    def _holes(self, pixels: Tensor, draw: "_Draws") -> Tensor:
        """Return a mask of one square at a random place of each image."""
        height, width = pixels.shape[-2:]
        side = self.hole_size * min(height, width)
        inside = []
        for length, shape in ((height, (1, 1, -1, 1)), (width, (1, 1, 1, -1))):
            start = draw.uniform(0, 1) * (length - side)
            position = torch.arange(length, device=pixels.device).reshape(shape)
            inside.append((position >= start) & (position < start + side))
        return inside[0] & inside[1]


class _Draws:
    """Draw one random number for each image of a batch."""

    def __init__(self, pixels: Tensor, generator: Generator) -> None:
        self.shape, self.device = (len(pixels), 1, 1, 1), pixels.device
        self.generator = generator

    def uniform(self, low: float, high: float) -> Tensor:
        share = torch.rand(self.shape, generator=self.generator, device=self.device)
        return low + (high - low) * share

    def event(self, probability: float) -> Tensor:
        return self.uniform(0, 1) < probability


def _background(pixels: Tensor) -> Tensor:
    """Return the median of the border of each image and channel, shape (N, C, 1, 1)."""
    sides = (pixels[..., 0, :], pixels[..., -1, :], pixels[..., 0], pixels[..., -1])
    return torch.cat(sides, dim=-1).median(dim=-1).values[..., None, None]


def _blurred(pixels: Tensor) -> Tensor:
    kernel, channels = torch.tensor(BLUR, device=pixels.device), pixels.shape[1]
    of_each = torch.outer(kernel, kernel).expand(channels, 1, -1, -1)
    return functional.conv2d(pixels, of_each, padding=1, groups=channels)


def _require_at_most(name: str, value: float, maximum: float) -> None:
    require_number(f"model.augment.{name}", value)
    if value > maximum:
        key = f"model.augment.{name}"
        raise UserError(f"{key}={value} is too large: type {key}= with at most {maximum}.")


def _require_range(name: str, values: Sequence[float]) -> None:
    key = f"model.augment.{name}"
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 2:
        raise UserError(f"{key}={values} is not a range: type '{key}=[0.8,1.2]'.")
    for value in values:
        require_number(key, value, above=0)
    if values[0] > values[1]:
        raise UserError(
            f"{key}={[*values]} is not a range: type '{key}=[{values[1]},{values[0]}]'."
        )
