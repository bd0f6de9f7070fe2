"""A single picture, read as a folder of one."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmclust.data.forms import Form
from fmclust.data.picture_files import PictureFile
from fmclust.data.pictures import read_in_order
from fmclust.data.scales import Scales
from fmclust.errors import UserError


def read_picture(path: Path, form: Form, scales: Scales | None = None) -> NDArray[np.uint8]:
    """Read a picture; without scales, by the range of the file itself."""
    file = PictureFile.of(path)
    (picture,) = read_in_order([file], form, scales or Scales(files=[file]))
    if picture.image is None:
        raise UserError(picture.reason)
    return picture.image
