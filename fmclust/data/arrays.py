"""Open .npy, .npz and .pt files of images, of the usual layouts and types, in bounded memory."""

import math
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmclust.data.class_folders import SPLIT_WORDS
from fmclust.data.forms import COLOR_TOLERANCE, MAX_BYTE
from fmclust.data.scales import BYTES, FLOATS, INTEGERS, NARROW, Range, clipped, to_bytes
from fmclust.data.splits import SPLITS
from fmclust.errors import UserError, reading, refuse_bomb

WHOLE = ""  # in place of a split, where a file has none
KINDS = IMAGES, LABELS = "images", "labels"
# Names of arrays in a file: MedMNIST's, Keras's, and those of one set.
NAMES = {
    **{f"{word}_{kind}": (split, kind) for word, split in SPLIT_WORDS.items() for kind in KINDS},
    **{f"x_{word}": (split, IMAGES) for word, split in SPLIT_WORDS.items()},
    **{f"y_{word}": (split, LABELS) for word, split in SPLIT_WORDS.items()},
    **{kind: (WHOLE, kind) for kind in KINDS},
}
USUAL_RANGES: tuple[Range, ...] = ((0.0, 1.0), (0.0, 255.0))
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601), as Pillow's
NPY = b"\x93NUMPY"  # first bytes of a .npy file
MAX_CHUNK = 1 << 24  # values that are converted at once


@dataclass(frozen=True)
class ImageArray:
    """Images of any supported type, converted to uint8 as they are read.

    Attributes:
        values: Array of shape (N, H, W), or (N, H, W, 3) for images in colour.
    """

    values: NDArray[Any]

    @classmethod
    def of(cls, values: NDArray[Any], where: str) -> "ImageArray":
        """Accept (N, H, W), and (N, H, W, C) or (N, C, H, W) with one or three channels.

        Args:
            values: The array.
            where: Name of the array, for errors.

        Raises:
            UserError: If it has another shape, or does not hold numbers.
        """
        if values.dtype.kind in "buif":
            if values.ndim == 4 and values.shape[1] in (1, 3) and values.shape[3] not in (1, 3):
                values = np.moveaxis(values, 1, 3)
            if values.ndim == 4 and values.shape[3] == 1:
                values = values[..., 0]
            is_image = values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)
            if is_image and min(values.shape[1:3]) > 0:
                return cls(values)
        raise UserError(
            f"{where}: {values.dtype} of shape {values.shape} is not an array of images, which has "
            "numbers of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3)."
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.values.shape[1], self.values.shape[2]

    @property
    def in_colour(self) -> bool:
        """Whether the images have three channels."""
        return self.values.ndim == 4

    @property
    def kind(self) -> str:
        """The pixel type: `BYTES`, `INTEGERS` or `FLOATS`."""
        if self.values.dtype == np.uint8:
            return BYTES
        return FLOATS if self.values.dtype.kind == "f" else INTEGERS

    @property
    def step(self) -> int:
        """Number of images to hold in memory at once."""
        return max(1, MAX_CHUNK // math.prod(self.values.shape[1:]))

    @classmethod
    def joined(cls, arrays: Sequence["ImageArray"]) -> "ImageArray":
        """Concatenate arrays of one image size; all get three channels if one has them."""
        if len(arrays) == 1:
            return arrays[0]  # without a copy
        values = [array.values for array in arrays]
        if any(array.in_colour for array in arrays):
            values = [v if v.ndim == 4 else np.stack([v] * 3, axis=3) for v in values]
        return cls(np.concatenate(values))

    def has_colour(self, limits: Range | None) -> bool:
        """Return whether an image is visibly not gray.

        Args:
            limits: The values that become 0 and 255; None for uint8.
        """
        low, high = limits or (0, MAX_BYTE)
        tolerance = (high - low) * COLOR_TOLERANCE / MAX_BYTE
        return self.in_colour and any(
            bool((chunk.max(axis=3).astype(float) - chunk.min(axis=3) > tolerance).any())
            for chunk in self._chunks()
        )

    def limits(self) -> Range:
        """Return the least and the greatest finite value; 0 and 0 if there is none."""
        low, high = np.inf, -np.inf
        for chunk in self._chunks():
            known = chunk[np.isfinite(chunk)] if self.kind == FLOATS else chunk
            if known.size:
                low, high = min(low, float(known.min())), max(high, float(known.max()))
        return (low, high) if low <= high else (0.0, 0.0)

    def read(
        self, rows: slice | NDArray[np.int64], limits: Range | None, *, in_colour: bool
    ) -> NDArray[np.uint8]:
        """Return images as uint8 of shape (n, H, W), or (n, H, W, 3) in colour.

        They are converted a few at a time, which bounds the memory.

        Args:
            rows: Which of them.
            limits: The values that become 0 and 255; None keeps uint8 as it is.
            in_colour: Whether to return three channels.
        """
        chosen = ImageArray(self.values[rows])
        if limits is None and self.in_colour == in_colour:
            return np.asarray(chosen.values, np.uint8)  # without a copy
        channels = (3,) if in_colour else ()
        images = np.empty((len(chosen), *self.size, *channels), np.uint8)
        for start in range(0, len(chosen), chosen.step):
            part = slice(start, start + chosen.step)
            images[part] = _converted(chosen.values[part], limits, in_colour=in_colour)
        return images

    def _chunks(self) -> Iterator[NDArray[Any]]:
        """Yield a few images at a time."""
        for start in range(0, len(self), self.step):
            yield self.values[start : start + self.step]


def _converted(values: NDArray[Any], limits: Range | None, *, in_colour: bool) -> NDArray[Any]:
    """Convert images to values from 0 to 255 and to gray, or to colour; see `ImageArray.read`.

    Gray images that become coloured get one channel, (n, H, W, 1), for all three.
    """
    if values.ndim == 4 and not in_colour:
        values = values @ np.array(LUMA)
        values = np.rint(values) if limits is None else values
    if limits is not None:
        values = values.astype(np.float64)
        values[~np.isfinite(values)] = np.nan
        values = to_bytes(values, limits)
    return values[..., None] if in_colour and values.ndim == 3 else values


def usual_range(limits: Range) -> Range | None:
    """Return 0 to 1 or 0 to 255, the first that holds all values, or None."""
    low, high = limits
    return next((r for r in USUAL_RANGES if r[0] <= low and high <= r[1]), None)


def filled_range(limits: Range) -> Range | None:
    """Return the usual range, or None if the values fill less than a quarter of it.

    Values from 0 to 16, as of scikit-learn's digits, are not meant to be dark.
    """
    low, high = limits
    usual = usual_range(limits)
    if usual is not None and 0 < high - low < NARROW * (usual[1] - usual[0]):
        return None
    return usual


def range_for(kind: str, found: Range, known: Mapping[str, Range]) -> Range | None:
    """Return the range by which a run scales an array, or None if it has to be found.

    That is the run's range for the pixel type; for another type, the narrowest that holds the
    values, of the run's ranges and the usual ones. 8-bit values are kept, unless they are nearly
    black and fill a range of the run.

    Args:
        kind: The pixel type of the array.
        found: The minimum and the maximum of its values.
        known: Pixel type to the range that the run has seen; 8-bit images have none.
    """
    if kind in known:
        return known[kind]
    if kind == BYTES:
        is_dark = filled_range(found) is None
        return next(
            (limits for limits in known.values() if is_dark and _fills(found, limits)), None
        )
    holding = [r for r in (*known.values(), *USUAL_RANGES) if not clipped(found, r)]
    return min(holding, key=lambda limits: limits[1] - limits[0], default=None)


def _fills(found: Range, limits: Range) -> bool:
    """Return whether values are within a range, and fill at least a quarter of it."""
    low, high = limits
    return not clipped(found, limits) and found[1] - found[0] >= NARROW * (high - low)


def joined(limits: Iterable[Range]) -> Range:
    """Return the range of several ranges."""
    lows, highs = zip(*limits, strict=True)
    return min(lows), max(highs)


def open_arrays(
    path: Path,
) -> tuple[dict[str, ImageArray], dict[str, NDArray[Any]], list[str]]:
    """Open the arrays of a file, without running code from it.

    Args:
        path: A .npy, .npz or .pt file. A .npy file is mapped into memory.

    Returns:
        Split to images, and split to labels; the split is `WHOLE` where the file has none. Names of
        arrays that are not used: neither images nor labels, or labels of a split without images.

    Raises:
        UserError: If the file is damaged, too large for the memory, has no images, or two arrays
            for the images or the labels of one split.
    """
    with reading(path):
        arrays = dict(_entries(path))
    found = _roles(arrays, path)
    images = {
        split: ImageArray.of(arrays[found[split, IMAGES]], f"{path}: {split or 'the array'}")
        for split in (WHOLE, *SPLITS)
        if (split, IMAGES) in found
    }
    if not images:
        names = ", ".join(sorted(arrays)[:5]) or "no arrays"
        raise UserError(f"{path} holds {names}: name them images and labels, or train_images etc.")
    used = {role: name for role, name in found.items() if role[0] in images}
    labels = {split: arrays[name] for (split, kind), name in used.items() if kind == LABELS}
    return images, labels, sorted({*arrays} - {*used.values()})


def _roles(names: Collection[str], path: Path) -> dict[tuple[str, str], str]:
    """Return split and kind, see `KINDS`, to the name of the array.

    Raises:
        UserError: If there are two for one split. An array of no split is for training.
    """
    roles = {NAMES[name.lower()]: name for name in names if name.lower() in NAMES}
    by_use = defaultdict[tuple[str, str], list[str]](list)
    for name in names:
        split, kind = NAMES.get(name.lower(), ("", ""))
        if (split, IMAGES) in roles and kind:  # labels without images are not used
            by_use[split or "train", kind].append(name)
    for (split, kind), same in by_use.items():
        if len(same) > 1:
            raise UserError(
                f"{path} holds {' and '.join(sorted(same))}, which both are the {kind} of {split}: "
                "keep one of them."
            )
    if not roles and len(names) == 1:  # with any name
        return {(WHOLE, IMAGES): next(iter(names))}
    return roles


def _entries(path: Path) -> Iterable[tuple[str, NDArray[Any]]]:
    """Return the arrays of a file with their names."""
    if path.suffix.lower() == ".npy":
        with path.open("rb") as file:
            if file.read(len(NPY)) != NPY:
                raise ValueError("it is not a .npy file")
        with only_numbers():
            return [(IMAGES, np.load(path, mmap_mode="r", allow_pickle=False))]
    return _entries_of_npz(path) if path.suffix.lower() == ".npz" else _entries_of_pt(path)


@contextmanager
def only_numbers() -> Iterator[None]:
    """Reword NumPy's advice to load a file of Python objects unsafely."""
    try:
        yield
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ValueError("it holds Python objects: save numbers, or .astype(str)") from error


def _entries_of_npz(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    with zipfile.ZipFile(path) as file:
        size = sum(entry.file_size for entry in file.infolist())
    if size > psutil.virtual_memory().available // 2:
        raise ValueError(f"its arrays need {size / 1e9:.1f} GB of memory; save .npy files instead")
    with only_numbers(), np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            if len(arrays.files) == 1 or name.lower() in NAMES:
                yield name, arrays[name]
            else:
                yield name, np.empty(0)


def _are_images(loaded: object) -> bool:
    """Return whether a list has a tensor of the same shape for each image."""
    if not isinstance(loaded, list | tuple) or len(loaded) < 3:
        return False
    return all(isinstance(held, Tensor) and held.shape == loaded[0].shape for held in loaded)


def _entries_of_pt(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not in the format of torch.save since PyTorch 1.6: save it anew")
    refuse_bomb(path)
    try:
        loaded = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    except UnpicklingError as error:
        raise ValueError("it holds other objects than tensors: save one tensor") from error
    if isinstance(loaded, Tensor):
        loaded = {IMAGES: loaded}
    elif _are_images(loaded):
        loaded = {IMAGES: torch.stack([*loaded])}
    elif isinstance(loaded, list | tuple):
        loaded = dict(zip((IMAGES, LABELS), loaded, strict=False))
    if not isinstance(loaded, Mapping):
        raise ValueError(f"it holds a {type(loaded).__name__}, not tensors")
    for name, held in loaded.items():
        if isinstance(held, Tensor):
            tensor = held.float() if held.dtype == torch.bfloat16 else held
            yield str(name), tensor.detach().numpy()
        else:  # labels may be a list
            yield str(name), np.array(held if isinstance(held, list) else [])
