"""Checks and settings of the processors that a job uses."""

import ctypes
import sys

from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator

from fmclust.errors import UserError


def require_device(accelerator: str) -> None:
    """Check that the GPU named by `trainer.accelerator` exists.

    Raises:
        UserError: If torch sees no such GPU.
    """
    found = {"cuda": CUDAAccelerator.is_available(), "mps": MPSAccelerator.is_available()}
    found["gpu"] = any(found.values())
    if not found.get(accelerator, True):
        raise UserError(
            f"trainer.accelerator={accelerator}: torch sees no GPU of this kind here, "
            "type trainer=cpu."
        )


def keep_freed_memory() -> None:
    """Make glibc keep the memory that a training step frees for the next step.

    By default it returns large blocks to Linux, which clears every page again. That takes a tenth
    of an epoch of the default network.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from musl
        if mallopt is not None:
            trim_threshold, mmap_threshold = -1, -3  # <malloc.h>
            mallopt(mmap_threshold, 32 << 20)  # the maximum of glibc
            mallopt(trim_threshold, 2**31 - 1)
