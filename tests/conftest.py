"""Small runs in process, on scikit-learn's digits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from fmclust.config import conf_directory, register_schema
from fmclust.job import run_job


def composed(*overrides: str) -> DictConfig:
    """Composes the real `conf/` as a command line would."""
    register_schema()
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        return compose("config", list(overrides))


@dataclass(frozen=True)
class Finished:
    directory: Path
    objective: float


@pytest.fixture(scope="session")
def run_digits(tmp_path_factory) -> Callable[..., Finished]:
    """Runs the main job for one epoch on digits, with more overrides if given."""

    def run(*overrides: str) -> Finished:
        directory = tmp_path_factory.mktemp("runs") / "run"
        typed = ["data=digits", "trainer=cpu", "trainer.max_epochs=1", *overrides]
        return Finished(directory, run_job(composed(*typed), directory, typed))

    return run


@pytest.fixture(scope="session")
def finished(run_digits) -> Finished:
    """One finished run with both clusterers, for tests that only read it."""
    return run_digits("trainer.max_epochs=2", "cluster=[kmeans,gmm]", "n_clusters=12")


def write_idx(path: Path, array: np.ndarray) -> Path:
    """Writes an array of 0 to 255 in the idx format."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + array.astype(np.uint8).tobytes())
    return path


OPTIONS_TO_RUN = [
    f"{group}={path.stem}"
    for group in ("model", "cluster", "callbacks", "logger")
    for path in sorted((conf_directory() / group).glob("*.yaml"))
]
