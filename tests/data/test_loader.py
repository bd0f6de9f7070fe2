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
def test_every_row_is_in_exactly_one_batch_of_one_process(n, batch, world, epoch):
    if n < world * -(-n // (batch * world)):
        return  # fewer rows than processes
    seen, lengths = [], set()
    for rank in range(world):
        order = EpochOrder(n, batch, seed=3, rank=rank, world_size=world)
        order.set_epoch(epoch)
        batches = list(ResidentLoader(torch.arange(n), order))
        assert all(0 < len(rows) <= batch for rows in batches)
        lengths.add(len(batches))
        seen += torch.cat(batches).tolist()
    assert sorted(seen) == list(range(n)) and len(lengths) == 1


def test_the_order_follows_from_seed_and_epoch():
    def order(seed, epoch):
        rows = EpochOrder(100, 10, seed=seed)
        rows.set_epoch(epoch)
        return rows.rows().tolist()

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize("n", [7, 256, 1000])
def test_validation_keeps_the_order_of_the_file(n):
    assert torch.cat(list(ResidentLoader(torch.arange(n), EpochOrder(n, 64)))).tolist() == list(
        range(n)
    )
