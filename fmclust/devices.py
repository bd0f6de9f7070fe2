"""The processors that a job may use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator
from threadpoolctl import threadpool_limits

from fmclust.errors import UserError


def require_device(accelerator: str) -> None:
    """Refuses a GPU that is not there.

    Raises:
        UserError: Says what to type instead.
    """
    found = {"cuda": CUDAAccelerator.is_available(), "mps": MPSAccelerator.is_available()}
    found["gpu"] = any(found.values())
    if not found.get(accelerator, True):
        raise UserError(
            f"trainer.accelerator={accelerator}: torch sees no GPU of this kind here, "
            "type trainer=cpu."
        )


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Limits the CPU threads of torch and scikit-learn alike; None leaves them as they are."""
    if threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
