"""Checks and settings of the processors that a job uses."""

import ctypes
import os
import sys
from pathlib import Path

import torch
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


def resolve_precision(precision: str, accelerator: str) -> str:
    """Return the precision that a Trainer takes: `auto` is bf16-mixed on hardware that has it.

    Args:
        precision: Value of `trainer.precision`.
        accelerator: Value of `trainer.accelerator`.

    Raises:
        UserError: If it is 16-mixed without a GPU, where Lightning would compute in bf16-mixed.
    """
    uses_cuda = accelerator in ("auto", "gpu", "cuda") and CUDAAccelerator.is_available()
    uses_mps = accelerator in ("auto", "gpu", "mps") and MPSAccelerator.is_available()
    if precision == "16-mixed" and not (uses_cuda or uses_mps):
        raise UserError("trainer.precision=16-mixed needs a GPU: type trainer.precision=auto.")
    if precision != "auto":
        return precision
    if uses_cuda:
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        cpuinfo = Path("/proc/cpuinfo")
        flags = cpuinfo.read_text() if cpuinfo.exists() else ""
        has_bf16 = "avx512_bf16" in flags or "amx_bf16" in flags
    return "bf16-mixed" if has_bf16 else "32-true"


def skip_nvml() -> None:
    """Stop torch from loading the NVML library at every step on a machine without a GPU.

    Optimizers check at every step whether there is a GPU. Lightning sets this variable, with which
    the check loads NVML; that takes 0.1 to 0.9 ms.
    """
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


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
