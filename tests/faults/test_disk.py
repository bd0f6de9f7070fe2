"""A full disk, in every command: one line, and nothing that was there is lost."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, Finished, fill, stop_after
from layout import status_of

from fmclust.runs import read_status

FEW = 4096  # bytes that are left: a small file fits, a whole result does not


@pytest.mark.parametrize("leave", [0, 100_000, 400_000])
def test_training_is_one_line_and_goes_on_once_there_is_space(
    leave: int, command_line: Callable[..., Answer], small_disk: Path
) -> None:
    fill(small_disk, leave=leave)
    run = small_disk / "run"
    answer = command_line("train", *SMALL, "trainer.max_epochs=3", f"hydra.run.dir={run}")
    assert answer.status == 2 and answer.err.count("\n") == 1, answer.err
    assert "no space left" in answer.err.lower()
    status = read_status(run) if run.exists() else None
    if status is None:
        return  # not begun: the same command begins
    assert status["status"] in ("failed", "running") and "fmclust.resume" in answer.err
    (small_disk / "filler").unlink()
    answer = command_line("resume", f"run={run}")
    assert answer.status == 0, answer.err
    assert status_of(run)["status"] == "done"


def test_a_disk_that_fills_after_an_epoch_names_its_checkpoint(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(1, monkeypatch, error=OSError(errno.ENOSPC, "No space left on device"))
    answer = command_line("train", *SMALL, "trainer.max_epochs=3", "hydra.run.dir=run")
    assert answer.status == 2
    assert f"{tmp_path}/run/checkpoints/last.ckpt" in answer.err


COMMANDS = {
    "cluster": ["run={disk}/run", "cluster=bgmm"],
    "assign": ["run={disk}/run", "input=images.npy", "output={disk}/assigned.csv"],
    "report": ["runs={disk}/run"],
    "elbow": ["data=digits", "k_max=3", "hydra.run.dir={disk}/elbow"],
    "optima": ["data=digits", "starts=9", "hydra.run.dir={disk}/optima"],
    "reproduce": ["seeds=1", "parts=[kmeans_pixels]", "hydra.run.dir={disk}/all"],
    "train": ["-m", *SMALL, "seed=0,1", "hydra.sweep.dir={disk}/sweep"],
}


@pytest.mark.parametrize(
    ("module", "leave"),
    [*((module, 0) for module in COMMANDS), *((module, FEW) for module in ("cluster", "train"))],
)
def test_a_command_is_one_line(
    module: str,
    leave: int,
    command_line: Callable[..., Answer],
    small_disk: Path,
    finished: Finished,
    tmp_path: Path,
) -> None:
    run = shutil.copytree(finished.directory, small_disk / "run")
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    np.save(tmp_path / "images.npy", np.zeros((500, 8, 8), np.uint8))
    fill(small_disk, leave=leave)
    typed = [argument.format(disk=small_disk) for argument in COMMANDS[module]]
    answer = command_line(module, *typed)
    assert answer.status in (1, 2)
    assert "no space left" in answer.err.lower() and "Traceback" not in answer.err
    assert all(path.read_bytes() == content for path, content in before.items())
