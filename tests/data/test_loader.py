"""Batches: every image exactly once, a new order every epoch, over any number of processes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fmclust.data import EpochOrder, ResidentLoader


@given(
    n=st.integers(1, 200),
    batch=st.integers(1, 40),
    world=st.integers(1, 4),
    epoch=st.integers(0, 3),
)
def test_every_row_is_in_exactly_one_batch_of_one_process(
    n: int, batch: int, world: int, epoch: int
) -> None:
    if n < world * -(-n // (batch * world)):
        return  # fewer rows than processes
    seen: list[int] = []
    lengths = set()
    for rank in range(world):
        order = EpochOrder(n, batch, seed=3, rank=rank, world_size=world)
        order.set_epoch(epoch)
        batches = list(ResidentLoader(torch.arange(n), order))
        assert all(0 < len(rows) <= batch for rows in batches)
        lengths.add(len(batches))
        seen += torch.cat(batches).tolist()
    assert sorted(seen) == list(range(n))
    assert len(lengths) == 1


def test_the_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        rows = EpochOrder(100, 10, seed=seed)
        rows.set_epoch(epoch)
        return [int(row) for row in rows.rows()]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize("n", [7, 256, 1000])
def test_validation_keeps_the_order_of_the_file(n: int) -> None:
    loader = ResidentLoader(torch.arange(n), EpochOrder(n, 64))
    assert torch.cat(list(loader)).tolist() == list(range(n))
