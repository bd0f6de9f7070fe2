"""Many small images in one picture, embedded in a page."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHOWN = 48  # approximate side of an image on the page, in pixels
MAX_BYTES = 3_500_000  # of the picture; base64 makes it a third larger
QUALITIES = (85, 70, 50, 30, 10)  # of WebP, tried in turn


@dataclass(frozen=True)
class Sprite:
    """A picture that holds many images side by side.

    Attributes:
        url: The picture as a data URL.
        columns: Images in a row.
        height: Of an image, in pixels.
        width: Of an image, in pixels.
        rows: Rows of images.
        scale: Enlargement of the images on the page: a whole number, so that no pixel of a
            neighbour is shown.
    """

    url: str
    columns: int
    height: int
    width: int
    rows: int
    scale: int

    @classmethod
    def of(cls, images: NDArray[Any]) -> "Sprite":
        """Make a sprite of uint8 images of shape (N, H, W) or (N, H, W, 3)."""
        n, height, width, *channels = images.shape
        columns = max(1, int(np.sqrt(n)))
        rows = -(-n // columns)
        whole = np.zeros((rows * columns, height, width, *channels), np.uint8)
        whole[:n] = images
        grid = whole.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
        picture = Image.fromarray(grid.reshape(rows * height, columns * width, *channels))
        kind, content = _encoded(picture)
        url = f"data:image/{kind};base64," + base64.b64encode(content).decode()
        scale = max(1, round(SHOWN / max(height, width)))
        return cls(url, columns, height, width, rows, scale)

    def place(self, number: int) -> str:
        """Return the CSS that shows an image by its number."""
        row, column = divmod(int(number), self.columns)
        left, top = column * self.width * self.scale, row * self.height * self.scale
        return f"background-position:-{left}px -{top}px"


def _encoded(picture: Image.Image) -> tuple[str, bytes]:
    """Return a gray picture as PNG if that is small enough, and others as WebP.

    The quality of WebP is the best with which the picture is small enough, or else the last.
    """
    if picture.mode == "L" and len(content := _saved(picture, "PNG")) <= MAX_BYTES:
        return "png", content
    for quality in QUALITIES:
        if len(content := _saved(picture, "WEBP", quality=quality)) <= MAX_BYTES:
            break
    return "webp", content


def _saved(picture: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
