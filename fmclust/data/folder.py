"""Anyone's pictures in a folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from fmclust.data.pictures import Unreadable, empty_images, pictures_below, read_in_order
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_bool, require_whole

MIN_SIDE, MAX_SIDE = 8, 64  # pixels a side
MIN_PICTURES = 10  # pictures: one each for val and test
ORDER = 0  # seed of the order that pictures are split in, whatever seed a run has


class PictureFolder(ImageSource):
    """Pictures in a folder; the folders in it, if all pictures lie in such, are the classes.

    Every picture is decoded once, into grayscale of one size (`pictures.read_picture`). Files
    that are none are left out, with a warning. In an order that depends on the file names alone,
    the first eight tenths are train, one tenth each val and test.

    Args:
        root: The folder; folders below it are searched too.
        image_size: Height and width in pixels, or one number for both; 8 to 64.
        invert: Whether to swap dark and light, for pictures that are dark on a light ground.
        cache: Folder for a file that takes the images where memory is too small for them; None:
            the system's folder for temporary files.
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
        if not self.root.is_dir():  # said before a run begins
            raise UserError(f"{self.root} is no folder: type data.root=<the folder of pictures>.")

    def read(self) -> dict[str, Split]:
        # By name, not by folder: folders are labels, and what is in which split follows from this.
        paths = sorted(pictures_below(self.root), key=lambda path: path.name)
        shuffled = np.random.default_rng(ORDER).permutation(len(paths))
        images, kept, bad = self._decode([paths[row] for row in shuffled])
        if bad:
            some = ", ".join(printable(one.path.relative_to(self.root)) for one in bad[:3])
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            self.warnings.append(
                f"{len(bad)} of {len(paths)} files are no readable pictures: {some}{more}"
            )
        if len(kept) < MIN_PICTURES:
            raise UserError(
                f"{self.root} holds {len(kept)} readable pictures, at least {MIN_PICTURES} are "
                "needed: type data.root=<another folder>."
            )
        labels = self._labels(kept)
        names = [printable(path.relative_to(self.root)) for path in kept]
        whole = Split(torch.from_numpy(images[:, None]), labels, names)
        tenth = len(whole) // 10
        train, held_out = whole[: -2 * tenth], whole[-2 * tenth :]
        return {"train": train, "val": held_out[:tenth], "test": held_out[tenth:]}

    def _decode(self, paths: list[Path]) -> tuple[np.ndarray, list[Path], list[Unreadable]]:
        images = empty_images(len(paths), self.size, self.cache)
        self.in_memory = not isinstance(images, np.memmap)
        kept: list[Path] = []
        bad: list[Unreadable] = []
        reading = read_in_order(paths, self.size)
        for path, image in track(reading, "Decoding pictures", total=len(paths)):
            if isinstance(image, Unreadable):
                bad.append(image)
                continue
            images[len(kept)] = 255 - image if self.invert else image
            kept.append(path)
        return images[: len(kept)], kept, bad

    def _labels(self, paths: list[Path]) -> torch.Tensor | None:
        """Sets the names of the classes and returns those of the pictures, if they have any."""
        folders = [path.relative_to(self.root).parts[:-1] for path in paths]
        names = sorted({parts[0] for parts in folders if parts})
        if len(names) < 2:
            return None
        if beside := sum(not parts for parts in folders):
            self.warnings.append(
                f"the folders in {self.root} are no classes, for {beside} pictures lie beside them"
            )
            return None
        self.class_names = tuple(map(printable, names))
        number = {name: row for row, name in enumerate(names)}
        return torch.tensor([number[parts[0]] for parts in folders])


def printable(name: str | Path) -> str:
    """Returns a file's name as UTF-8 can hold it: on disk it may be any bytes."""
    return str(name).encode(errors="replace").decode()


def both_sides(image_size: int | Sequence[int]) -> tuple[int, int]:
    """Returns height and width in pixels.

    Raises:
        UserError: If a side is not from 8 to 64.
    """
    sides = [*image_size] if isinstance(image_size, Sequence) else [image_size] * 2
    if len(sides) != 2 or isinstance(image_size, str):
        raise UserError(f"data.image_size={image_size} is no size: type 28, or '[32,24]'.")
    for side in sides:
        require_whole("data.image_size", side, MIN_SIDE)
        if side > MAX_SIDE:
            raise UserError(
                f"data.image_size={side} is too large: type data.image_size= with {MIN_SIDE} to "
                f"{MAX_SIDE}; larger images want another encoder."
            )
    return sides[0], sides[1]
