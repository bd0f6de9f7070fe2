"""Small runs in process, on scikit-learn's digits.

What imports torch is imported where it is used: pytest-xdist's first process does without.
"""

import hashlib
import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several workers run beside each other

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import settings
from numpy.typing import NDArray
from omegaconf import DictConfig

from fmclust.config.schema import conf_directory, register_schema

register_schema()
# Equal, and faster: Hydra reads 26 files for each command.
yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[misc, assignment]
settings.register_profile("the same every time", derandomize=True, deadline=None)
settings.load_profile("the same every time")
LONG = ("test_processes.py", "test_tensorboard.py")
REAL = Path(__file__).parents[1] / "data"
SHORT = "trainer.limit_train_batches=4"  # of 23
SMALL = ("data=digits", "trainer=cpu", "trainer.max_epochs=1", SHORT, "figures=false")
FINISHED = ("trainer.max_epochs=2", "cluster=[kmeans,gmm]", "n_clusters=12", "figures=true")


def composed(*overrides: str) -> DictConfig:
    """Compose the real `conf/` as a command line would."""
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        return compose("config", list(overrides))


@dataclass(frozen=True)
class Finished:
    directory: Path
    objective: float


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes long in one piece: at the end a worker would wait for the other."""
    marks = ("real", "xdist_group")
    long = [i for i in items if i.path.name in LONG or any(map(i.get_closest_marker, marks))]
    items.sort(key=lambda item: item not in long)


@pytest.fixture(scope="session", autouse=True)
def small_figures() -> None:
    """Draw figures with few pixels: drawing is most of a small run."""
    from fmclust.evaluation import publishing

    publishing.DPI = 20


@pytest.fixture(scope="session")
def run_digits(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Finished]:
    """Run the main job for one epoch on digits, with more overrides if given."""
    from fmclust.jobs.run import run_job

    def run(*overrides: str) -> Finished:
        directory = tmp_path_factory.mktemp("runs") / "run"
        has_length = any(text.startswith("debug=") for text in overrides)  # of its own
        typed = [text for text in SMALL if not (has_length and text == SHORT)] + [*overrides]
        return Finished(directory, run_job(composed(*typed), directory, typed))

    return run


@pytest.fixture(scope="session")
def finished(run_digits: Callable[..., Finished]) -> Finished:
    """One finished run with both clusterers, for tests that only read it."""
    return run_digits(*FINISHED)


@pytest.fixture
def run(finished: Finished, tmp_path: Path) -> Path:
    """A copy of that run, to be added to or spoiled."""
    return shutil.copytree(finished.directory, tmp_path / "run")


@pytest.fixture(scope="session")
def once_stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that stopped after its first epoch, for tests that only read it."""
    from fmclust.jobs.run import run_job

    directory = tmp_path_factory.mktemp("stopped") / "run"
    typed = [*SMALL, "trainer.max_epochs=3"]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(1, patch)
        run_job(composed(*typed), directory, typed)
    return directory


@pytest.fixture
def stopped(once_stopped: Path, tmp_path: Path) -> Path:
    """A copy of that run, alone in its folder, to be spoiled."""
    return shutil.copytree(once_stopped, tmp_path / "alone" / "stopped")


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An epoch on the real images; its tests go to one worker."""
    from fmclust.jobs.run import run_job

    directory = tmp_path_factory.mktemp("real") / "run"
    typed = ("trainer=cpu", "trainer.max_epochs=1", f"data.root={REAL}", "figures=false")
    run_job(composed(*typed), directory, [])
    return directory


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    def refuses(self, *named: str) -> bool:
        """Whether a mistake was answered in one line that names all of this."""
        is_one_line = self.err.startswith("fmclust: ") and self.err.count("\n") == 1
        return self.status == 2 and is_one_line and all(text in self.err for text in named)


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Answer]]:
    """Type a command, in process: a module of fmclust and its arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def type_in(module: str, *arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", [f"fmclust.{module}", *arguments])
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
            for name in ("HYDRA_FULL_ERROR", "FMCLUST_TRACEBACK"):  # which a command sets
                patch.setenv(name, os.environ.get(name, "0"))
            importlib.import_module(f"fmclust.{module}").main()
        return Answer(int(stop.value.code or 0), *capsys.readouterr())

    yield type_in
    root.handlers, root.level = handlers, level


def sign(run: Path) -> None:
    """Write the sums of a run's files as they are now, as whoever changes them can."""
    from fmclust.runs.manifest import write_manifest

    write_manifest(run, coming={"status.json": (run / "status.json").read_text()})


def python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def idx(array: np.ndarray) -> bytes:
    """Return an array of 0 to 255 in the idx format."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: np.ndarray) -> Path:
    """Write an array of 0 to 255 in the idx format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx(array))
    return path


def without_times(directory: Path) -> dict[str, float]:
    """Return the metrics of a run that do not tell how long it took."""
    metrics = json.loads((directory / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if not name.startswith("time/")}


def stop_after(
    epoch: int,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | type[BaseException] = KeyboardInterrupt,
) -> None:
    """Make Ctrl-C come while an epoch ends, before its checkpoint is written."""
    from pytorch_lightning import LightningModule, Trainer

    from fmclust.training.callbacks import LearningCurves

    log_epoch = LearningCurves.on_train_epoch_end

    def stopping(self: LearningCurves, trainer: Trainer, pl_module: LightningModule) -> None:
        log_epoch(self, trainer, pl_module)
        if trainer.current_epoch == epoch:
            raise error

    monkeypatch.setattr(LearningCurves, "on_train_epoch_end", stopping)


def options_of(group: str) -> list[str]:
    """Name the options of a group in `conf/`."""
    return sorted(path.stem for path in (conf_directory() / group).glob("*.yaml"))


def beside_others(options: list[str]) -> object:
    """Make a case of a test; all that need UMAP go to one worker, for numba compiles it long."""
    marks = [pytest.mark.xdist_group("umap")] if any("umap" in name for name in options) else []
    return pytest.param(options, marks=marks, id=" ".join(options))


@pytest.fixture(scope="session")
def digits() -> dict[str, NDArray[np.uint8]]:
    """The images that the runs here are made of, by split."""
    from fmclust.data import Digits

    return {name: split.images[:, 0].numpy() for name, split in Digits().splits.items()}


@pytest.fixture
def blobs() -> NDArray[np.float32]:
    """Four clusters of 60 latents far apart, in order."""
    rng = np.random.default_rng(0)
    return (30 * np.eye(4)[:, :3].repeat(60, 0) + rng.normal(size=(240, 3))).astype(np.float32)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(["mount", *options]).returncode:
        pytest.skip("mounting a small disk needs mount, and root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, *, leave: int = 0) -> None:
    """Fill a disk but for so many bytes."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        file.write(bytes(16 << 20))
    os.truncate(disk / "filler", (disk / "filler").stat().st_size - leave)


@pytest.fixture
def small_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files like Fashion-MNIST's, of 300 and 5,100 images, whose sums are right."""
    from fmclust.data import mnist_family

    rng = np.random.default_rng(0)
    folder = tmp_path / "fashion" / "FashionMNIST" / "raw"
    sha256 = {}
    kinds = rng.integers(0, 200, (10, 28, 28))
    for name in mnist_family.SHA256:
        n = 300 if name.startswith("train") else 5100
        labels = np.arange(n) % 10
        images = kinds[labels] + rng.integers(0, 56, (n, 28, 28))
        path = write_idx(folder / name, images if "images" in name else labels)
        sha256[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(mnist_family, "SHA256", sha256)
    return tmp_path / "fashion"
