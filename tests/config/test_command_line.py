"""The command line: paths, tracebacks, settings of the Trainer that are refused."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, composed, python, write_idx
from hydra.errors import MissingConfigException
from layout import status_of

from fmclust.config.command import quote_path
from fmclust.config.mistakes import explain
from fmclust.errors import UserError
from fmclust.runs import read_config


def test_a_tilde_is_the_home_folder(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert quote_path("data.root=~/a b") == f"data.root='{tmp_path}/home/a b'"
    assert quote_path("data.root=a~b") == "data.root='a~b'"
    assert command_line("train", *SMALL, "hydra.run.dir=~/run").status == 0
    assert status_of(tmp_path / "home" / "run")["status"] == "done"
    assert command_line("resume", "run=~/run").status == 0


def test_a_sweep_over_paths(command_line: Callable[..., Answer], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a b", "c(d)"):
        images = rng.integers(0, 256, (60, 28, 28))
        write_idx(tmp_path / name / "train-images-idx3-ubyte", images)
    typed = ("-m", *SMALL, "data=idx", "data.root=a b,c(d)", "n_clusters=3")
    answer = command_line("train", *typed, "hydra.sweep.dir=~x, y")
    assert answer.status == 0, answer.err
    roots = [read_config(tmp_path / "~x, y" / number).data.root for number in "01"]
    assert [Path(root).name for root in roots] == ["a b", "c(d)"]


def test_one_device_by_its_number_may_be_swept_over(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("-m", *SMALL, "trainer.devices=[1]", "seed=0", "hydra.sweep.dir=sweep")
    answer = command_line("train", *typed)
    assert "start the whole sweep again" not in answer.err, answer.err


@pytest.mark.parametrize(
    "setting",
    ["max_steps=100", "max_time=00:00:01:00", "val_check_interval=0.5", "fast_dev_run=true"],
)
def test_what_ends_an_epoch_early_is_refused_before_training(
    setting: str, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = command_line("train", *SMALL, f"+trainer.{setting}", "hydra.run.dir=run")
    assert answer.refuses(f"trainer.{setting.partition('=')[0]}="), answer.err
    assert not (tmp_path / "run" / "status.json").exists()


COMMANDS = {
    "train": ("data=idx", "data.root=nowhere", "trainer=cpu"),
    "resume": ("run=nowhere",),
    "cluster": ("run=nowhere", "cluster=gmm"),
    "assign": ("run=nowhere", "input=.", "output=a.csv"),
    "elbow": ("run=nowhere",),
    "optima": ("run=nowhere",),
    "report": ("runs=nowhere",),
    "reproduce": ("seeds=0",),
}


@pytest.mark.parametrize("module", COMMANDS)
def test_a_traceback_is_there_for_who_asks(
    module: str, command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    short = command_line(module, *COMMANDS[module])
    assert short.refuses(), short.err
    full = command_line(module, *COMMANDS[module], "traceback=true")
    assert full.status == 2 and full.err.startswith("Traceback"), full.err
    assert full.err.endswith(short.err)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert command_line(module, *COMMANDS[module]).err.startswith("Traceback")


def test_an_error_of_the_system_has_a_traceback_too(
    command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    typed = (*SMALL, "hydra.run.dir=file/run")
    assert command_line("train", *typed).err.count("\n") == 1
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert "Traceback" in command_line("train", *typed).err


def test_an_encoder_of_ones_own_is_trained_if_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "encoders_of_mine.py").write_text(
        "from fmclust.models import Autoencoder\n"
        "class Mine(Autoencoder):\n"
        "    pass\n"
        "class Other:\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from fmclust.jobs.run import run_job

    typed = [*SMALL, "model._target_=encoders_of_mine.Mine", "model.name=mine"]
    with pytest.raises(UserError, match="FMCLUST_TRUST="):
        run_job(composed(*typed), tmp_path / "a", typed)
    monkeypatch.setenv("FMCLUST_TRUST", "encoders_of_mine")
    run_job(composed(*typed), tmp_path / "b", typed)
    assert (tmp_path / "b" / "losses.csv").exists()
    assert "<h1>mine and gmm</h1>" in (tmp_path / "b" / "report.html").read_text()
    with pytest.raises(UserError, match="encoders_of_mine.Other .*Encoder"):
        run_job(composed(*SMALL, "model._target_=encoders_of_mine.Other"), tmp_path / "c", [])


def test_a_setting_of_another_option_is_no_mistyped_one(
    command_line: Callable[..., Answer],
) -> None:
    answer = command_line("train", "data=digits", "data.image_size=32")
    assert answer.refuses("data.image_size is a setting of data=", "data=folder"), answer.err


@pytest.mark.parametrize(
    ("command", "typed", "named"),
    [
        ("resume", "trainer.max_epochs=20", "there are trainer.accelerator, trainer.devices."),
        ("resume", "model.lr=1", "model.lr is unknown: there are cluster, "),
        ("report", "cluster=kmeans", "cluster is unknown: there are hydra, output, runs"),
        ("elbow", "experiment=photos", "experiment is unknown: there are cluster, data"),
        ("reproduce", "cluster=gmm", "cluster is unknown: there are hydra, jobs, overrides"),
        ("train", "logger=null", "type 'logger=[]' for none."),
        ("train", "model=null", "type model= with one of contractive, "),
    ],
)
def test_a_command_names_its_own_keys(
    command: str, typed: str, named: str, command_line: Callable[..., Answer]
) -> None:
    answer = command_line(command, typed)
    assert answer.refuses(named), answer.err


def test_a_reader_that_leaves_stops_no_run(tmp_path: Path) -> None:
    train = shlex.join([sys.executable, "-m", "fmclust.train", *SMALL, "hydra.run.dir=run"])
    made = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {train} | head -c1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "") and len(made.stdout) == 1
    assert status_of(tmp_path / "run")["status"] == "done"


def test_a_sign_that_the_output_does_not_know_becomes_a_question_mark(tmp_path: Path) -> None:
    code = "from fmclust.config.output import keep_output; keep_output(); print('0.5 ± 0.1')"
    assert python("-c", code, cwd=tmp_path, PYTHONIOENCODING="ascii").stdout == "0.5 ? 0.1\n"


def test_unknown_launchers_are_told_from_those_of_an_extra(
    command_line: Callable[..., Answer],
) -> None:
    answer = command_line("train", "-m", "hydra/launcher=cloud")
    assert answer.refuses("hydra/launcher=cloud", "type hydra/launcher=", "parallel"), answer.err
    error = MissingConfigException("", missing_cfg_file="hydra/launcher/joblib")
    assert "pip install 'fmclust[sweep]'" in explain(error, "config")
