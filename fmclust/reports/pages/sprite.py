"""Many small images in one PNG, embedded in a page."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHOWN = 48  # approximate side of an image on the page, in pixels


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
        """Make a sprite of uint8 images of shape (N, H, W)."""
        n, height, width = images.shape
        columns = max(1, int(np.sqrt(n)))
        rows = -(-n // columns)
        whole = np.zeros((rows * columns, height, width), np.uint8)
        whole[:n] = images
        grid = whole.reshape(rows, columns, height, width).swapaxes(1, 2)
        buffer = io.BytesIO()
        Image.fromarray(grid.reshape(rows * height, columns * width)).save(buffer, "PNG")
        url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        scale = max(1, round(SHOWN / max(height, width)))
        return cls(url, columns, height, width, rows, scale)

    def place(self, number: int) -> str:
        """Return the CSS that shows an image by its number."""
        row, column = divmod(int(number), self.columns)
        left, top = column * self.width * self.scale, row * self.height * self.scale
        return f"background-position:-{left}px -{top}px"
