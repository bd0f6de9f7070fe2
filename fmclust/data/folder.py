"""The user's pictures in a folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from fmclust.data.pictures import empty_images, pictures_below, read_in_order
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split, divide
from fmclust.errors import UserError, require_bool, require_whole

MIN_SIDE, MAX_SIDE = 8, 64  # height and width in pixels
MIN_PICTURES = 10  # at least one each for val and test
SPLIT_SEED = 0  # the splits do not depend on the seed of a run


class PictureFolder(ImageSource):
    """Pictures in a folder; if all of them are in sub-folders, the sub-folders are the classes.

    Every picture is decoded once, into grayscale of one size (`pictures.read_picture`). Files
    that are not readable as pictures are left out, with a warning. The pictures are shuffled in an
    order that depends only on the file names; the first eight tenths are train, the next tenth is
    val and the last is test.

    Args:
        root: The folder; searched recursively.
        image_size: Height and width in pixels, or one number for both; 8 to 64.
        invert: Whether to swap dark and light, for dark pictures on a light background.
        cache: Folder for a file of the decoded images, used if the memory is too small for them.
            None: the system's temporary folder.

    Raises:
        UserError: If the folder does not exist, or an argument is out of range.
    """

    def __init__(
        self,
        *,
        root: str,
        image_size: int | Sequence[int] = 28,
        invert: bool = False,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        require_bool("data.invert", invert)
        self.root, self.size, self.invert = Path(root), both_sides(image_size), invert
        self.cache = None if cache is None else Path(cache)
        if not self.root.is_dir():  # raised here, before a run is made
            advice = "type data.root=<the folder of pictures>"
            raise UserError(f"{self.root} is not a folder: {advice}.")

    def read(self) -> dict[str, Split]:
        """Decode the pictures; see `ImageSource.read`."""
        # Sorted by name, not by path: the splits must not depend on the sub-folders, the labels.
        paths = sorted(pictures_below(self.root), key=lambda path: path.name)
        order = np.random.default_rng(SPLIT_SEED).permutation(len(paths))
        images, readable = self._decode([paths[row] for row in order])
        if len(readable) < MIN_PICTURES:
            found = f"{len(readable)} readable pictures, at least {MIN_PICTURES} are needed"
            raise UserError(f"{self.root} holds {found}: type data.root=<another folder>.")
        names = [self._name(path) for path in readable]
        return divide(Split(torch.from_numpy(images[:, None]), self._labels(readable), names))

    def _decode(self, paths: list[Path]) -> tuple[NDArray[np.uint8], list[Path]]:
        """Return the readable images, uint8 of shape (N, H, W), and their paths."""
        images = empty_images(len(paths), self.size, self.cache)
        self.in_memory = not isinstance(images, np.memmap)
        readable: list[Path] = []
        bad: list[str] = []
        pictures = read_in_order(paths, self.size)
        for path, image in track(pictures, "Decoding pictures", total=len(paths)):
            if isinstance(image, UserError):
                bad.append(self._name(path))
            else:
                images[len(readable)] = 255 - image if self.invert else image
                readable.append(path)
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            share = f"{len(bad)} of {len(paths)} files are not readable pictures"
            self.warnings.append(f"{share}: {', '.join(bad[:3])}{more}")
        return images[: len(readable)], readable

    def _labels(self, paths: list[Path]) -> torch.Tensor | None:
        """Set `class_names`; return the labels of the pictures, int64 of shape (N,), or None."""
        folders = [path.relative_to(self.root).parent.parts[:1] for path in paths]
        names = sorted({*folders} - {()})
        if len(names) < 2:
            return None
        if n_outside := folders.count(()):
            reason = f"because {n_outside} pictures are beside them"
            self.warnings.append(f"the folders in {self.root} are not used as classes, {reason}")
            return None
        self.class_names = tuple(printable(name) for (name,) in names)
        labels = {name: label for label, name in enumerate(names)}
        return torch.tensor([labels[name] for name in folders])

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.root))


def printable(name: str | Path) -> str:
    """Return a file name in valid UTF-8; a file system allows any bytes."""
    return str(name).encode(errors="replace").decode()


def both_sides(image_size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width in pixels.

    Raises:
        UserError: If a side is not from 8 to 64.
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
