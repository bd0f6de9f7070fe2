"""A truncated and a bit-flipped copy of every file that a run leaves: noticed, never believed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Finished

from fmclust import load_run
from fmclust.errors import UserError
from fmclust.reports.pages import write_run_page
from fmclust.reports.tables import print_run
from fmclust.runs.manifest import COVERED

IMAGES = np.zeros((3, 28, 28), np.uint8)
NOT_READ = (".lock", "train.log", "events.out.", "projector_config", "/latents/", "figures/")


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


ACTIONS: dict[str, Callable[[Path], object]] = {
    "assign by kmeans": lambda d: load_run(d).assign(IMAGES, "kmeans"),
    "assign by gmm": lambda d: load_run(d).assign(IMAGES, "gmm"),
    "latents": lambda d: load_run(d).latents,
    "scores": lambda d: load_run(d).scores,
    "page": write_run_page,
    "tables": print_run,
}


def read_by_some(name: str) -> bool:
    """Whether a command believes the file; an edited config.yaml is only a warning."""
    path = Path(name)
    if name == "config.yaml":
        return False
    covered = any(path.match(pattern) for pattern in COVERED)
    covered |= name == "status.json"
    return covered and path.suffix != ".skops"  # read where the .npz beside it does not suffice


@pytest.mark.parametrize("damage", [truncate, flip])
def test_every_file_of_a_run(
    damage: Callable[[bytes], bytes],
    finished: Finished,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = sorted(
        path.relative_to(finished.directory).as_posix()
        for path in finished.directory.rglob("*")
        if path.is_file()
    )
    believed = []
    for name in names:
        if any(part in name for part in NOT_READ):
            continue
        run = shutil.copytree(finished.directory, tmp_path / "run")
        (run / name).write_bytes(damage((run / name).read_bytes()))
        noticed = []
        for action in ACTIONS.values():
            try:
                action(run)
            except UserError as error:
                noticed.append(str(error))
        named = any(f"{name} is damaged" in text for text in noticed)
        if read_by_some(name) and name != "checkpoints/best.ckpt" and not named:
            believed.append(name)
        shutil.rmtree(run)
    assert believed == []


def test_a_file_that_is_gone_is_named_with_the_command_that_makes_it(
    finished: Finished, tmp_path: Path
) -> None:
    run = shutil.copytree(finished.directory, tmp_path / "run")
    (run / "latents.npz").unlink()
    with pytest.raises(UserError, match=r"latents.npz is missing.*python -m fmclust.train"):
        _ = load_run(run).latents
