"""One split of a data set, in memory."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images and, where there are any, labels.

    Attributes:
        images: uint8 tensor of shape (N, 1, H, W), 0 to 255.
        labels: int64 tensor of shape (N,), or None.
        names: Where each image comes from, as far as it has a name.
    """

    images: Tensor
    labels: Tensor | None = None
    names: Sequence[str] = ()

    @classmethod
    def from_arrays(cls, images: np.ndarray, labels: np.ndarray | None) -> "Split":
        """Copies uint8 arrays of shape (N, H, W) and (N,) into tensors."""
        return cls(
            torch.from_numpy(images[:, None].copy()),
            None if labels is None else torch.from_numpy(labels.astype(np.int64)),
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> "Split":
        labels = None if self.labels is None else self.labels[rows]
        return Split(self.images[rows], labels, self.names[rows])

    def __add__(self, other: "Split") -> "Split":
        if self.labels is None or other.labels is None:
            labels = None
        else:
            labels = torch.cat([self.labels, other.labels])
        names = [*self.names, *other.names]
        return Split(torch.cat([self.images, other.images]), labels, names)


def sum_of(images: Tensor) -> int:
    """Returns a checksum (CRC-32) of a uint8 tensor, by which other images are noticed."""
    return zlib.crc32(np.ascontiguousarray(images.cpu().numpy()))  # type: ignore[arg-type]
