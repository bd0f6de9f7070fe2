"""The processors that a job may use."""

import ctypes
import sys

from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator

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
