"""A run that is killed at any moment goes on to the end that it would have had."""

import importlib
import multiprocessing
import os
import random
import signal
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMALL, without_times
from layout import events_of, status_of, unexpected_and_missing

from fmclust.evaluation import publishing
from fmclust.runs import read_status

pytestmark = pytest.mark.xdist_group("kills")  # one worker makes what they are compared with
# Processes are forked from one that has imported what takes seconds to import.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["fmclust.jobs.run", "fmclust.train", "fmclust.resume"])
LONGER = ("trainer.max_epochs=3", "cluster=[kmeans,gmm]", "figures=true")
TYPED = (*SMALL, *LONGER, "model=denoising", "threads=1")
KINDS = {"trained", "labelled", "chosen", "drawn"}
QUICK = 1  # kills in CI


def type_in(module: str, *arguments: str) -> None:
    """Do what a command line does."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    publishing.DPI = 20  # drawing is most of a small run
    sys.argv = [f"fmclust.{module}", *arguments]
    importlib.import_module(f"fmclust.{module}").main()


def begin(directory: Path) -> ForkServerProcess:
    """Start a run, or goes on with it if it had begun."""
    command: tuple[str, ...] = ("resume", f"run={directory}")
    if read_status(directory) is None:
        command = ("train", *TYPED, f"hydra.run.dir={directory}")
    process = FORKED.Process(target=type_in, args=command)
    process.start()
    return process


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nothing happened to, and its seconds."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    warm = FORKED.Process(target=int)
    warm.start()
    warm.join()  # the process that forks has imported now
    start = time.perf_counter()
    process = begin(directory)
    process.join()
    assert process.exitcode == 0
    return directory, time.perf_counter() - start


def points(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard shows: values that do not tell the time, and steps of images."""
    events = events_of(directory)
    found = {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if not tag.startswith(("time/", "speed/"))
    }
    images = {tag: events.Images(tag) for tag in events.Tags()["images"]}
    return found | {tag: [(event.step, 0.0) for event in shown] for tag, shown in images.items()}


def assert_same(directory: Path, whole: Path) -> None:
    assert without_times(directory) == without_times(whole)
    for name in ("latents.npz", "assignments.csv", "losses.csv"):
        assert (directory / name).read_bytes() == (whole / name).read_bytes(), name
    weights, expected = (
        torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for path in (directory, whole)
    )
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    for name in ("kmeans", "gmm"):
        a, b = (np.load(path / "clusterers" / f"{name}.npz") for path in (directory, whole))
        assert all(np.array_equal(a[key], b[key]) for key in b)
    assert points(directory) == points(whole), "a point twice, or one that is gone"
    assert unexpected_and_missing(directory, KINDS) == ([], [])


def killed_and_gone_on_with(seed: int, directory: Path, seconds: float, by: int) -> None:
    """Kill a run at a random moment, every other time what goes on with it too."""
    chance = random.Random(seed)
    for _ in range(1 + seed % 2):
        process = begin(directory)
        process.join(chance.uniform(0, seconds))
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, by)
        process.join()
        if read_status(directory) is None or status_of(directory)["status"] != "done":
            assert process.exitcode != 0, "whoever waits for it would take it for done"
    process = begin(directory)
    process.join()
    assert process.exitcode == 0 and status_of(directory)["status"] == "done"


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[pytest.mark.long] * (n >= QUICK)) for n in range(40)]
)
def test_killed_at_any_moment(seed: int, whole: tuple[Path, float], tmp_path: Path) -> None:
    directory, seconds = whole
    killed_and_gone_on_with(seed, tmp_path / "run", seconds, signal.SIGKILL)
    assert_same(tmp_path / "run", directory)


@pytest.mark.parametrize(
    ("by", "seed"),
    [
        pytest.param(by, seed, marks=[pytest.mark.long] * ((by, seed) != (signal.SIGTERM, 0)))
        for by in (signal.SIGTERM, signal.SIGINT)  # the latter, in one process, in many tests
        for seed in range(10)
    ],
)
def test_asked_to_stop_at_any_moment(
    by: int, seed: int, whole: tuple[Path, float], tmp_path: Path
) -> None:
    directory, seconds = whole
    killed_and_gone_on_with(100 + seed, tmp_path / "run", seconds, by)
    assert_same(tmp_path / "run", directory)
