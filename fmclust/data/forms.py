"""What every picture of a data set is made into: its size, its channels, and how it is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from fmclust.data.opening import MAX_PIXELS
from fmclust.errors import UserError, require_option, require_whole

MIN_SIDE, MAX_SIDE = 8, 256  # height and width in pixels
COLORS = ("auto", "gray", "rgb")
FITS = ("stretch", "crop", "pad")
GRAY_MODES = ("1", "L", "LA", "La")  # modes of Pillow; also those that begin with I or F
COLOR_SAMPLE = (32, 32)  # size in pixels at which a picture is searched for colour
MAX_BYTE = 255
COLOR_TOLERANCE = 16  # of 255: difference of channels up to which a picture counts as gray


@dataclass(frozen=True)
class Form:
    """What every picture becomes.

    Attributes:
        size: Height and width in pixels.
        color: `gray`, `rgb`, or `auto`: gray, and each picture is searched for colour.
        fit: How a picture of another shape is fitted: `stretch`, `crop` its longer side, or `pad`
            its shorter side with the background.
        background: Name of a colour: of what is behind transparent pixels, and of padding.
        max_pixels: Maximum number of pixels of a picture; see `opening.opened`.
        invert: Whether to swap dark and light.

    Raises:
        UserError: If an option is unknown.
    """

    size: tuple[int, int]
    color: str = "gray"
    fit: str = "stretch"
    background: str = "white"
    max_pixels: int = MAX_PIXELS
    invert: bool = False

    def __post_init__(self) -> None:
        require_option("data.color", self.color, COLORS)
        require_option("data.fit", self.fit, FITS)
        require_whole("data.max_pixels", self.max_pixels, 1)
        try:
            ImageColor.getrgb(self.background)
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(
                f"data.background={self.background} is not a colour: type data.background=gray."
            ) from error

    @property
    def in_colour(self) -> bool:
        """Whether the images have three channels."""
        return self.color == "rgb"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the images."""
        return (3 if self.in_colour else 1, *self.size)

    def opaque(self, picture: Image.Image) -> Image.Image:
        """Lay a picture of 8 bits a channel on the background if it is transparent somewhere."""
        if "A" not in picture.getbands() and "transparency" not in picture.info:
            return picture
        transparent = picture.convert("RGBA")
        page = Image.new("RGBA", transparent.size, self.background)
        return Image.alpha_composite(page, transparent).convert("RGB")

    def converted(self, picture: Image.Image) -> Image.Image:
        """Convert an opaque picture of 8 bits a channel to mode L or RGB."""
        mode = "RGB" if self.in_colour else "L"
        return picture if picture.mode == mode else picture.convert(mode)  # which copies

    def fitted(self, picture: Image.Image) -> NDArray[np.uint8]:
        """Resize a picture in mode L or RGB: uint8 of shape (H, W) or (H, W, 3)."""
        height, width = self.size
        method = Image.Resampling.BILINEAR  # averages when it shrinks
        if picture.size != (width, height):
            if self.fit == "crop":
                picture = ImageOps.fit(picture, (width, height), method)
            elif self.fit == "pad":
                picture = ImageOps.pad(picture, (width, height), method, color=self.background)
            else:
                picture = picture.resize((width, height), method)
        pixels = np.asarray(picture)
        return MAX_BYTE - pixels if self.invert else pixels


def has_colour(picture: Image.Image) -> bool:
    """Return whether a picture of 8 bits a channel is visibly not gray."""
    if picture.mode in GRAY_MODES or picture.mode.startswith(("I", "F")):
        return False
    small = picture.convert("RGB").resize(COLOR_SAMPLE, Image.Resampling.BOX)
    return bool((np.ptp(np.asarray(small, np.int16), axis=2) > COLOR_TOLERANCE).any())


def both_sides(image_size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width in pixels.

    Raises:
        UserError: If a side is not from 8 to 256.
    """
    sides = [*image_size] if isinstance(image_size, Sequence) else [image_size] * 2
    if len(sides) != 2 or isinstance(image_size, str):
        raise UserError(f"data.image_size={image_size} is not a size: type 28, or '[32,24]'.")
    for side in sides:
        require_whole("data.image_size", side, MIN_SIDE)
        if side > MAX_SIDE:
            advice = f"type data.image_size= with {MIN_SIDE} to {MAX_SIDE}"
            raise UserError(f"data.image_size={side} is too large: {advice}.")
    return sides[0], sides[1]


def channels_first(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Map pictures of shape (N, H, W) or (N, H, W, 3) to a view of shape (N, C, H, W)."""
    return pictures[:, None] if pictures.ndim == 3 else np.moveaxis(pictures, 3, 1)
