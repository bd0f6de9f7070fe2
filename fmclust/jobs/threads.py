"""Limit the CPU threads of a job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from fmclust.errors import require_whole

JOBLIB_CORES = "LOKY_MAX_CPU_COUNT"


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Limit the CPU threads of torch and scikit-learn; None does not limit them.

    Raises:
        UserError: If it is not a whole number, or less than 1.
    """
    if threads is None:
        yield
        return
    require_whole("threads", threads, 1)
    before, joblibs = torch.get_num_threads(), os.environ.get(JOBLIB_CORES)
    torch.set_num_threads(threads)
    os.environ[JOBLIB_CORES] = str(threads)  # number of processes for n_jobs=-1
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)
        os.environ.pop(JOBLIB_CORES)
        if joblibs is not None:
            os.environ[JOBLIB_CORES] = joblibs
