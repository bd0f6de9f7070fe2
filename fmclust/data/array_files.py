"""The user's images in a .npy, .npz or .pt file."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fmclust.data.arrays import (
    WHOLE,
    ImageArray,
    filled_range,
    joined,
    open_arrays,
)
from fmclust.data.forms import COLORS, channels_first
from fmclust.data.kinds import has_suffix, unfit
from fmclust.data.labels import named_classes, require_marker, warnings_about_markers
from fmclust.data.memory import empty_images
from fmclust.data.opening import first_of
from fmclust.data.scales import BYTES, Range, span_text, valid_range
from fmclust.data.sources import ImageSource
from fmclust.data.splits import SPLITS, Split, complete, random_order, without_empty_labels
from fmclust.errors import UserError, require_bool, require_option

log = logging.getLogger(__name__)


class ArrayFiles(ImageSource):
    """Images in a .npy, .npz or .pt file, of 8-bit or other numbers.

    A .npz file has `images` and perhaps `labels`, or `train_images`, `train_labels` and so on for
    `val` and `test` (MedMNIST's names; `x_train`, `y_train` and so on work too); a .pt file is a
    tensor, a pair of images and labels, or a dictionary with these names. Without a split of its
    own, the images are divided in an order that depends on their number alone: eight tenths are
    train, one tenth is val and one is test. A missing split is a tenth of train in such an order.

    Args:
        root: The file, or a folder with exactly one.
        color: Whether the images become `gray` or `rgb`; `auto` is `rgb` if one of them has colour.
        invert: Whether to swap dark and light, for images that are dark on a light background.
        scale: The values that become 0 and 255, for other types than uint8. None: 0 and 1 if all
            values are from 0 to 1, else 0 and 255 if they are from 0 to 255; but the minimum and
            the maximum if they exceed this range, or fill less than a quarter of it.
        unlabelled: Label of images that have none: they are clustered but not scored.
        cache: Folder for a file of the images, used if the memory is too small for them. None: the
            system's temporary folder.

    Raises:
        UserError: If there is no such file, or an argument is out of range.
    """

    def __init__(
        self,
        *,
        root: str,
        color: str = "gray",  # as in runs that were made before there were colours
        invert: bool = False,
        scale: Sequence[float] | None = None,
        unlabelled: int | None = None,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        require_option("data.color", color, COLORS)
        require_bool("data.invert", invert)
        require_marker(unlabelled)
        self.root, self.color = Path(root), color
        self.invert, self.unlabelled = invert, unlabelled
        self.paths = self.find(self.root)
        self.scale = None if scale is None else valid_range("data.scale", scale)
        self.cache = None if cache is None else Path(cache)
        self.names: dict[str, Sequence[str]] = {}  # split to names other than the positions
        self._order: list[str] = []  # names of the images in the order of the input

    def find(self, root: Path) -> dict[str, list[Path]]:
        """Return `WHOLE` to the file: the path itself, or the one file in a folder.

        Raises:
            UserError: If there is none, or there are several.
        """
        if root.is_file() and has_suffix(root, "arrays"):
            return {WHOLE: [root]}
        paths = sorted(root.iterdir()) if root.is_dir() else []
        found = [path for path in paths if has_suffix(path, "arrays")]
        if len(found) == 1:
            return {WHOLE: found}
        if len(found) > 1:
            typed = shlex.quote(f"data.root={found[0]}")
            raise UserError(
                f"{root} holds {len(found)} files of arrays, and only one is read: save all images "
                f"in one array, or type {typed}."
            )
        raise unfit(root, "arrays", "a file of arrays", "data.root=<a .npy, .npz or .pt file>")

    def open(self) -> tuple[dict[str, ImageArray], dict[str, NDArray[Any]]]:
        """Return split to images, and split to labels; see `open_arrays`."""
        path = self.paths[WHOLE][0]
        images, labels, unused = open_arrays(path)
        if unused:
            self.warnings.append(f"arrays of {path.name} that are not used: {first_of(unused)}")
        return images, labels

    def read(self) -> dict[str, Split]:
        """Read the file; see `ImageSource.read`."""
        images, given = self.open()
        self._require_same_size(images)
        limits = self._limits(images)
        self.in_colour = self.color == "rgb" or (
            self.color == "auto"
            and any(array.has_colour(limits.get(array.kind)) for array in images.values())
        )
        labels = self._classes(given, images)
        is_divided = any(split not in images for split in SPLITS)
        parts = dict[str, Split]()
        for split, array in images.items():
            name, n_images = split or "train", len(array)
            is_mixed = is_divided and name == "train"
            rows = random_order(n_images) if is_mixed else np.arange(n_images)
            made = self._split(array, labels.get(split), limits, rows)
            names = self._names_of(split, n_images)
            self._order += names
            parts[name] = replace(made, names=[names[row] for row in rows])
        splits = complete(parts)
        if empty := [name for name, held in splits.items() if not len(held)]:
            n_images = sum(map(len, images.values()))
            raise UserError(
                f"{self.root} holds too few images, {n_images}: its {empty[0]} split is empty. At "
                "least 10 are needed."
            )
        return {name: without_empty_labels(held) for name, held in splits.items()}

    def _names_of(self, split: str, n_images: int) -> Sequence[str]:
        """Return a name for each image of a split, in the order of the file."""
        prefix = f"{split}/" if split else ""
        return self.names.get(split) or [f"{prefix}{row}" for row in range(n_images)]

    def rank(self, name: str) -> int:
        """Return the position of an image in the input; see `ImageSource.rank`."""
        return self._positions.get(name, 0)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._order)}

    def _require_same_size(self, images: Mapping[str, ImageArray]) -> None:
        sizes = {f"{array.size[0]}x{array.size[1]}" for array in images.values()}
        if len(sizes) > 1:
            found = ", ".join(sorted(sizes))
            raise UserError(f"{self.root} holds images of {found} pixels: save one size.")
        if WHOLE not in images and "train" not in images:
            raise UserError(f"{self.root} has no images to train on: save train_images, too.")

    def _limits(self, images: Mapping[str, ImageArray]) -> dict[str, Range]:
        """Return pixel type to the values that become 0 and 255, and log them."""
        kinds = {array.kind for array in images.values()}
        if BYTES in kinds and self.scale is not None:
            self.warnings.append("data.scale is not used: the values of uint8 images are kept")
        found = {
            kind: joined(array.limits() for array in images.values() if array.kind == kind)
            for kind in sorted(kinds - {BYTES})
        }
        usual = {kind: filled_range(limits) for kind, limits in found.items()}
        if None in usual.values():  # one range for whole numbers and floats
            usual = dict.fromkeys(found, joined(found.values()))
        for kind in found:
            limits = self.scale or usual[kind] or found[kind]
            self.ranges = {**self.ranges, kind: limits}
            log.info("Pixel values (%s): %s become 0 to 255", kind, span_text(limits))
        return dict(self.ranges)

    def _split(
        self,
        array: ImageArray,
        labels: NDArray[np.int64] | None,
        limits: Mapping[str, Range],
        order: NDArray[np.int64],
    ) -> Split:
        """Convert images and labels, in an order of their rows."""
        shape = (3 if self.in_colour else 1, *array.size)
        pixels = empty_images(len(array), shape, self.cache)
        self.in_memory = self.in_memory and not isinstance(pixels, np.memmap)
        of_kind, step = limits.get(array.kind), array.step
        for start in range(0, len(array), step):
            rows = order[start : start + step]
            read = channels_first(array.read(rows, of_kind, in_colour=self.in_colour))
            pixels[start : start + step] = 255 - read if self.invert else read
        ids = None if labels is None else torch.from_numpy(labels[order])
        return Split(torch.from_numpy(pixels), ids)

    def _classes(
        self, labels: Mapping[str, NDArray[Any]], images: Mapping[str, ImageArray]
    ) -> dict[str, NDArray[np.int64]]:
        """Set `class_names`; return split to classes."""
        flat = {split: _flat(values) for split, values in labels.items() if split in images}
        for split, values in flat.items():
            if values.shape != (len(images[split]),):
                self.warnings.append(
                    f"{split + '_' if split else ''}labels of shape {values.shape} are not used: "
                    f"expected one class for each of {len(images[split]):,} images"
                )
        usable = {s: v for s, v in flat.items() if v.shape == (len(images[s]),)}
        names, classes = named_classes(usable, self.unlabelled, str(self.root))
        self.class_names = names or None
        if usable and all(values.dtype.kind not in "US" for values in usable.values()):
            found = any((values == self.unlabelled).any() for values in usable.values())
            self.warnings += warnings_about_markers(names, self.unlabelled, found=found)
        return classes


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels of shape (N, 1), as MedMNIST has them, with shape (N,)."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
