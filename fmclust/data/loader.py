"""Batches from images that live in memory, on the device that trains."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


class EpochOrder:
    """The rows of every batch of an epoch, for one of several processes.

    The order follows from (seed, epoch) alone. Every row is in exactly one batch of one process,
    every process has the same number of batches, and no batch is empty. Lightning finds it as a
    loader's `sampler` and calls `set_epoch`.

    Args:
        n_rows: Number of rows over all processes, at least one for each.
        batch_size: The most rows of a batch in one process; with more than one process a batch may
            have one more where the rows can't be shared out evenly.
        seed: What the order is drawn from, with the epoch. None keeps the file's order.
        rank: Which of the processes this is, from 0.
        world_size: Number of processes.
    """

    def __init__(
        self,
        n_rows: int,
        batch_size: int,
        *,
        seed: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.n_rows, self.seed, self.rank, self.world_size = n_rows, seed, rank, world_size
        # At most the rows of the process that has fewest: an empty batch has no mean loss.
        self.n_batches = min(-(-n_rows // (batch_size * world_size)), n_rows // world_size)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def rows(self) -> Tensor:
        """Returns this process's rows of this epoch, in order: int64 of shape (n,)."""
        if self.seed is None:
            order = np.arange(self.n_rows)
        else:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.n_rows)
        return torch.from_numpy(order[self.rank :: self.world_size])

    def __len__(self) -> int:
        return self.n_batches


class ResidentLoader:
    """Iterates over batches of a uint8 image tensor by indexing it where it lies.

    Args:
        images: uint8 tensor of shape (N, 1, H, W), on any device; batches lie there too.
        order: Which rows make each batch.
    """

    batch_sampler = None  # Lightning asks every loader that has a sampler

    def __init__(self, images: Tensor, order: EpochOrder) -> None:
        self.images, self.sampler = images, order

    def __iter__(self) -> Iterator[Tensor]:
        rows = self.sampler.rows().to(self.images.device)
        for batch in rows.tensor_split(len(self)):
            yield self.images[batch]

    def __len__(self) -> int:
        return len(self.sampler)
