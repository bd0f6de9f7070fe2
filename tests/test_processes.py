"""What only a process of its own can show; at most six of them, since each costs seconds."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import torch

from fmclust.data import DigitsDataModule

ROOT = Path(__file__).parents[1]
SMALL = ["data=digits", "trainer=cpu", "trainer.max_epochs=1"]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_command_ends_with_scores_and_the_directory(tmp_path):
    done = run("-m", "fmclust.train", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (directory,) = (tmp_path / "outputs").glob("*/*")
    assert "epoch 1/1" in done.stdout and "accuracy" in done.stdout
    assert done.stdout.rstrip().endswith(str(directory))
    assert (directory / "metrics.json").exists()


def test_a_mistake_ends_with_one_line_and_status_2(tmp_path):
    done = run("-m", "fmclust.train", *SMALL, "model.loss=mes", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "fmclust: model.loss=mes is unknown: type model.loss=mse.\n"


def test_the_wheels_console_script_finds_its_own_conf_from_any_directory(tmp_path):
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
        assert b"fmclust-train = fmclust.train:main" in next(
            wheel.read(name) for name in wheel.namelist() if name.endswith("entry_points.txt")
        )
    (tmp_path / "elsewhere").mkdir()
    script = "import sys; from fmclust.train import main; sys.argv[0] = 'fmclust-train'; main()"
    done = run(
        *("-c", script, *SMALL, "model=pixels", "cluster=kmeans", "cluster.kmeans.n_init=1"),
        cwd=tmp_path / "elsewhere",
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert done.returncode == 0, done.stderr
    found = run_directory_config(tmp_path / "elsewhere")
    assert "Pixels" in found


def run_directory_config(cwd: Path) -> str:
    return next((cwd / "outputs").glob("*/*/config.yaml")).read_text()


def test_two_processes_train_and_rank_zero_scores(tmp_path):
    options = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    done = run("-m", "fmclust.train", *SMALL, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "outputs").glob("*/*/metrics.json")
    metrics = json.loads(path.read_text())
    assert 0 < metrics["gmm/test/accuracy"] <= 1 and metrics["loss/val"] > 0


def test_two_processes_see_every_image_exactly_once(tmp_path):
    done = run(str(ROOT / "tests" / "two_processes.py"), str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seen = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    data = DigitsDataModule()
    data.setup()
    images = data.splits["train"].images
    assert all(len(part) for part in seen)
    rows = sorted(tuple(row) for row in torch.cat(seen).tolist())
    assert rows == sorted(tuple(row) for row in images.flatten(1)[:, ::8].tolist())
