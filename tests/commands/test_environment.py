"""Commands run wherever they are typed: notebooks, clusters, odd file systems, other systems."""

import ast
import errno
from collections.abc import Callable
from pathlib import Path

import filelock
import numpy as np
import pytest
from conftest import Answer, Finished
from layout import status_of

import fmclust
from fmclust.config.command import quote_path

PACKAGE = Path(fmclust.__file__).parent
PIXELS = ("data=digits", "model=pixels", "cluster=kmeans", "trainer=cpu", "figures=false")
POSIX_ONLY = ("fcntl", "resource", "pwd", "grp", "termios", "tty")


def test_no_module_needs_what_only_posix_has() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:  # the module level
            names = [alias.name for alias in getattr(node, "names", ())]
            imported = {getattr(node, "module", None), *names}
            assert not imported & {*POSIX_ONLY}, path


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
