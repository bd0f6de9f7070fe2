"""LightningDataModules of anyone's own images: files in the idx format, or pictures in folders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from fmclust.data.datamodules import ImageDataModule
from fmclust.data.idx import read_idx
from fmclust.data.pictures import Unreadable, empty_images, pictures_below, read_in_order
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_bool, require_whole

SMALLEST, LARGEST = 8, 64  # pixels a side
FEWEST = 10  # pictures: one each for val and test
ORDER = 0  # seed of the order that pictures are split in, whatever seed a run has


class IdxDataModule(ImageDataModule):
    """Anyone's images in the idx format, named as MNIST's files are, with or without labels.

    Args:
        root: Folder with `train-images-idx3-ubyte` (plain or .gz) and, where they exist,
            `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. The
            first half of the t10k images is val, the rest is test; without them, the last two
            tenths of the train images are val and test.
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    def __init__(self, *, root: str, batch_size: int = 256, seed: int | None = 0) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.root = Path(root)

    def read(self) -> dict[str, Split]:
        train = self._read_file("train")
        if train is None:
            raise UserError(
                f"no train-images-idx3-ubyte (or .gz) in {self.root}: "
                "type data.root=<the folder that holds it>."
            )
        held_out = self._read_file("t10k")
        if held_out is None:
            cut = len(train) - 2 * (len(train) // 10)
            train, held_out = train[:cut], train[cut:]
        if held_out.images.shape[1:] != train.images.shape[1:]:
            sizes = [f"{h}x{w}" for h, w in (s.images.shape[2:] for s in (train, held_out))]
            raise UserError(
                f"{self.root}: train images have {sizes[0]} pixels, t10k images {sizes[1]}: "
                "put files of one size there."
            )
        half = len(held_out) // 2
        splits = {"train": train, "val": held_out[:half], "test": held_out[half:]}
        for name, split in splits.items():
            if not len(split):
                raise UserError(f"{self.root} holds too few images: its {name} split is empty.")
        labels = [split.labels for split in splits.values() if split.labels is not None]
        if labels:
            n_classes = 1 + max(int(ids.max()) for ids in labels)
            self.class_names = tuple(str(cls) for cls in range(n_classes))
        return splits

    def _read_file(self, name: str) -> Split | None:
        images = self._read_array(f"{name}-images-idx3-ubyte", ndim=3)
        labels = self._read_array(f"{name}-labels-idx1-ubyte", ndim=1)
        if images is None:
            return None
        if labels is not None and len(labels) != len(images):
            raise UserError(f"{self.root}: {len(images)} {name} images but {len(labels)} labels.")
        return Split.from_arrays(images, labels)

    def _read_array(self, name: str, ndim: int) -> np.ndarray | None:
        for path in (self.root / name, self.root / f"{name}.gz"):
            if path.exists():
                array = read_idx(path)
                if array.ndim != ndim:
                    raise UserError(f"{path} has shape {array.shape}, expected {ndim} axes.")
                return array
        return None


class FolderDataModule(ImageDataModule):
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
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    def __init__(
        self,
        *,
        root: str,
        image_size: int | Sequence[int] = 28,
        invert: bool = False,
        cache: str | None = None,
        batch_size: int = 256,
        seed: int | None = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
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
        if len(kept) < FEWEST:
            raise UserError(
                f"{self.root} holds {len(kept)} readable pictures, at least {FEWEST} are needed: "
                "type data.root=<another folder>."
            )
        labels = self._labels(kept)
        names = [printable(path.relative_to(self.root)) for path in kept]
        whole = Split(torch.from_numpy(images[:, None]), labels, names)
        tenth = len(whole) // 10
        train, held_out = whole[: -2 * tenth], whole[-2 * tenth :]
        return {"train": train, "val": held_out[:tenth], "test": held_out[tenth:]}

    def _decode(self, paths: list[Path]) -> tuple[np.ndarray, list[Path], list[Unreadable]]:
        images = empty_images(len(paths), self.size, self.cache)
        self.resident = not isinstance(images, np.memmap)
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
        require_whole("data.image_size", side, SMALLEST)
        if side > LARGEST:
            raise UserError(
                f"data.image_size={side} is too large: type data.image_size= with {SMALLEST} to "
                f"{LARGEST}; larger images want another encoder."
            )
    return sides[0], sides[1]
