"""Commands run wherever they are typed: notebooks, clusters, odd file systems, other systems."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import filelock
import numpy as np
import pytest
from conftest import SMALL, Answer, Finished, python
from layout import status_of

import fmclust
from fmclust.config.command import quote_path

PACKAGE = Path(fmclust.__file__).parent
PIXELS = ("data=digits", "model=pixels", "cluster=kmeans", "trainer=cpu", "figures=false")
POSIX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios", "tty")
STRANGE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "RANK": "3",
    "LOCAL_RANK": "3",
    "WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_RANK": "2",
    "SLURM_JOB_ID": "7",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "3",
    "PYTHONOPTIMIZE": "1",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
}


def test_a_command_runs_in_a_strange_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))
    run = tmp_path / "run"
    typed = ("-m", "fmclust.train", *SMALL, "figures=true", f"hydra.run.dir={run}")
    read_only = Path("/proc") if Path("/proc/self").exists() else tmp_path
    done = python(*typed, cwd=read_only, **STRANGE)
    assert done.returncode == 0, done.stderr
    assert status_of(run)["status"] == "done" and not status_of(run)["warnings"]
    assert (run / "figures" / "losses.png").exists() and (run / "report.html").exists()


IMPORT_ALL = """
import importlib, sys
import numpy, pandas, sklearn, torch, torchvision, pytorch_lightning  # which may need them
import hydra, filelock, psutil, rich, matplotlib, tensorboard, torchmetrics
names, missing = sys.argv[1].split(","), sys.argv[2].split(",")
for name in missing:
    sys.modules[name] = None
for name in names:
    importlib.import_module(name)
"""


def test_no_module_needs_what_only_posix_has() -> None:
    paths = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    names = sorted(name for name in names if not name.endswith(".__main__"))
    typed = [sys.executable, "-c", IMPORT_ALL, ",".join(names), ",".join(POSIX_ONLY)]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(typed, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "error", [NotImplementedError("no flock"), OSError(errno.ENOLCK, "No locks available")]
)
def test_without_locks_a_run_goes_on_with_a_warning(
    error: Exception, command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    answer = command_line("train", *PIXELS, "hydra.run.dir=run")
    assert answer.status == 0, answer.err
    (warning,) = status_of(Path("run"))["warnings"]
    assert "without locks" in warning and f"Warning: {warning}" in answer.out
    assert "without locks" in Path("run/report.html").read_text()


def test_another_error_of_the_file_system_is_one(
    command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "run")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert command_line("train", *PIXELS, "hydra.run.dir=run").refuses("Permission denied")


def test_relative_paths_are_those_of_the_folder_where_the_command_is_typed(
    finished: Finished, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    np.save("images.npy", np.zeros((2, 28, 28), np.uint8))
    (tmp_path / "run").symlink_to(finished.directory)
    chdir = ("hydra.job.chdir=true", "hydra.run.dir=elsewhere")
    answer = command_line("assign", "run=run", "input=images.npy", "output=a.csv", *chdir)
    assert answer.status == 0, answer.err
    assert (tmp_path / "a.csv").exists() and Path.cwd() == tmp_path
    answer = command_line("train", *PIXELS[1:], "data=idx", "data.root=here", *chdir)
    assert answer.refuses(f"{tmp_path}/here"), answer.err


def test_a_tilde_is_the_home_folder_in_quotes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for typed in ("hydra.run.dir=~/a b", "hydra.run.dir='~/a b'", 'hydra.run.dir="~/a b"'):
        assert quote_path(typed) == "hydra.run.dir='/home/me/a b'"
    assert quote_path("data.root='a~b'") == "data.root='a~b'"
