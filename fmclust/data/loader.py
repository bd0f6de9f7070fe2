"""Batches of images that are in memory, on the device that trains."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import torch
from torch import Tensor


@dataclass(eq=False)
class EpochOrder:
    """The rows of every batch of an epoch, for one of several processes.

    The order depends only on seed and epoch. Every row is in exactly one batch of one process,
    all processes have the same number of batches, and no batch is empty. Lightning finds this
    object as the `sampler` of a loader and calls `set_epoch`.

    Args:
        n_rows: Number of rows over all processes, at least one for each.
        batch_size: Maximum number of rows in a batch of one process; with several processes, a
            batch may have one row more if the rows can't be divided evenly.
        seed: Seed of the order, together with the epoch. None: the rows keep their order.
        rank: Index of this process, from 0.
        world_size: Number of processes.
    """

    n_rows: int
    batch_size: int
    _: KW_ONLY
    seed: int | None = None
    rank: int = 0
    world_size: int = 1
    epoch: int = field(default=0, init=False)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order `rows` returns."""
        self.epoch = epoch

    def rows(self) -> Tensor:
        """Return the rows of this process in this epoch, in order: int64 of shape (n,)."""
        order = np.arange(self.n_rows)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(order)
        return torch.from_numpy(order[self.rank :: self.world_size])

    def __len__(self) -> int:
        # Not more than the fewest rows of a process: the loss of an empty batch is undefined.
        per_process = self.n_rows // self.world_size
        return min(-(-self.n_rows // (self.batch_size * self.world_size)), per_process)


class ResidentLoader:
    """Iterate over batches of an image tensor by indexing it on its device.

    Args:
        images: uint8 tensor of shape (N, C, H, W); the batches are on the same device.
        order: The rows of each batch.
    """

    batch_sampler = None  # Lightning reads this attribute of every loader that has a sampler

    def __init__(self, images: Tensor, order: EpochOrder) -> None:
        self.images, self.sampler = images, order

    def __iter__(self) -> Iterator[Tensor]:
        rows = self.sampler.rows().to(self.images.device)
        for batch in rows.tensor_split(len(self)):
            yield self.images[batch]

    def __len__(self) -> int:
        return len(self.sampler)
