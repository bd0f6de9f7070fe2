"""Splits of a data set, in memory."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SPLITS = ("train", "val", "test")
SPLIT_SEED = 0  # the splits do not depend on the seed of a run


@dataclass(frozen=True)
class Split:
    """Images and, if any, labels.

    Attributes:
        images: uint8 tensor of shape (N, C, H, W), 0 to 255; C is 1 (gray) or 3 (RGB).
        labels: int64 tensor of shape (N,), or None: indices of classes; -1 for an image that has
            no label.
        names: A name for every image, such as its path; empty if they have none.
    """

    images: Tensor
    labels: Tensor | None = None
    names: Sequence[str] = ()

    @classmethod
    def from_arrays(cls, images: NDArray[np.uint8], labels: NDArray[np.integer] | None) -> "Split":
        """Copy images of shape (N, H, W) and labels of shape (N,) into tensors."""
        ids = None if labels is None else torch.from_numpy(labels.astype(np.int64))
        return cls(torch.from_numpy(images[:, None].copy()), ids)

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The images as uint8 array of shape (N, H, W), or (N, H, W, 3) in colour, to be shown."""
        return self.images.movedim(1, 3).squeeze(3).numpy()

    def in_random_order(self) -> "Split":
        """Return the images in `random_order`; those without names are named by their positions."""
        order = random_order(len(self))
        labels = None if self.labels is None else self.labels[order]
        names = self.names or range(len(self))
        return Split(self.images[order], labels, [str(names[row]) for row in order])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> "Split":
        labels = None if self.labels is None else self.labels[rows]
        return Split(self.images[rows], labels, self.names[rows])


def random_order(n_images: int) -> NDArray[np.int64]:
    """Return the positions of images in a fixed random order, in which a split can be divided.

    Files are often sorted by class.
    """
    return np.random.default_rng(SPLIT_SEED).permutation(n_images)


def complete(splits: Mapping[str, Split]) -> dict[str, Split]:
    """Return `train`, `val` and `test`; take each missing one, a tenth, from the train images.

    Args:
        splits: `train` and any of the others; the tenths are taken from the end of `train`, which
            should be in random order if one is missing.
    """
    train = splits["train"]
    missing = [name for name in SPLITS if name not in splits]
    tenth = len(train) // 10
    cut = len(train) - tenth * len(missing)
    taken = {name: train[cut + n * tenth :][:tenth] for n, name in enumerate(missing)}
    whole = {**splits, **taken, "train": train[:cut]}
    return {name: whole[name] for name in SPLITS}


def divide(train: Split, held_out: Split | None = None) -> dict[str, Split]:
    """Return `train`, `val` and `test`; labels are None where no image of a split has one.

    Args:
        train: The images to train on.
        held_out: The images for val (the first half) and test. None: two tenths of the images to
            train on, in random order.
    """
    if held_out is None:
        splits = complete({"train": train.in_random_order()})
    else:
        half = len(held_out) // 2
        splits = {"train": train, "val": held_out[:half], "test": held_out[half:]}
    return {name: without_empty_labels(split) for name, split in splits.items()}


def without_empty_labels(split: Split) -> Split:
    """Return a split whose labels are None if no image has one."""
    has_labels = split.labels is not None and bool((split.labels >= 0).any())
    return split if has_labels else replace(split, labels=None)


def number_unlabelled(splits: Mapping[str, Split]) -> int:
    """Return the number of images without a label, or 0 if no image has one."""
    labels = [split.labels for split in splits.values()]
    if all(ids is None for ids in labels):
        return 0
    pairs = zip(labels, splits.values(), strict=True)
    return sum(len(split) if ids is None else int((ids < 0).sum()) for ids, split in pairs)


def sums_of(splits: Mapping[str, Split]) -> dict[str, int]:
    """Return split to a checksum (CRC-32) of its images, to detect changed images."""
    return {
        name: zlib.crc32(np.ascontiguousarray(split.images.cpu().numpy()).data)
        for name, split in splits.items()
    }
