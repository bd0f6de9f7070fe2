"""A long sweep in one process does not grow."""

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL, Answer
from pytorch_lightning import LightningModule, Trainer

from fmclust.training.callbacks import LearningCurves

JOBS, WARM = 50, 10
GROWTH = 64 << 20  # bytes: less than what one job of digits takes, for all the others together


def resident() -> int:
    """Return this process's bytes of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_fifty_jobs_leave_the_memory_flat(
    command_line: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    sizes = []
    log_epoch = LearningCurves.on_train_epoch_end

    def measured(self: LearningCurves, trainer: Trainer, module: LightningModule) -> None:
        log_epoch(self, trainer, module)
        sizes.append(resident())

    monkeypatch.setattr(LearningCurves, "on_train_epoch_end", measured)
    seeds = ",".join(map(str, range(JOBS)))
    typed = ("-m", *SMALL, "cluster=[kmeans,gmm]", f"seed={seeds}", "hydra.sweep.dir=sweep")
    assert command_line("train", *typed).status == 0
    assert len(sizes) == JOBS
    print(f"MB after each job: {[size >> 20 for size in sizes]}")
    assert sizes[-1] - sizes[WARM] < GROWTH
