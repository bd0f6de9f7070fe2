"""The processors that a job may use."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator
from threadpoolctl import threadpool_limits

from fmclust.errors import UserError, require_whole

JOBLIB_CORES = "LOKY_MAX_CPU_COUNT"


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


def keep_freed_memory() -> None:
    """Lets glibc keep the memory that a training step frees, for the next step to use.

    It hands big blocks back to Linux by default, which then clears every page anew: a tenth of an
    epoch of the default network.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            trim_threshold, mmap_threshold = -1, -3  # <malloc.h>
            mallopt(mmap_threshold, 32 << 20)  # the most that glibc takes
            mallopt(trim_threshold, 2**31 - 1)


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Limits the CPU threads of torch and scikit-learn alike; None leaves them as they are.

    Raises:
        UserError: If it is no whole number from 1 on.
    """
    if threads is None:
        yield
        return
    require_whole("threads", threads, 1)
    before, joblibs = torch.get_num_threads(), os.environ.get(JOBLIB_CORES)
    torch.set_num_threads(threads)
    os.environ[JOBLIB_CORES] = str(threads)  # what n_jobs=-1 takes
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
        os.environ.pop(JOBLIB_CORES)
        if joblibs is not None:
            os.environ[JOBLIB_CORES] = joblibs
