"""What only a process of its own can show; at most six of them, since each costs seconds."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMALL, python
from joblib import cpu_count
from layout import rows_of, status_of

from fmclust import load_run
from fmclust.data import Digits
from fmclust.runs import read_assignments

ROOT = Path(__file__).parents[2]
STRANGE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMPI_COMM_WORLD_RANK": "2",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
}
SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "a.sh",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "3",
    "SLURM_NODEID": "0",
}
TORCHRUN = {"RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "8", "MASTER_ADDR": "localhost"}


def test_the_wheels_command_is_a_whole_run_in_any_directory_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = python("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=ROOT)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
        scripts = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
        assert b"fmclust-train = fmclust.train:main" in wheel.read(scripts)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    read_only = Path("/proc") if Path("/proc/self").exists() else tmp_path
    script = "import sys; from fmclust.train import main; sys.argv[0] = 'fmclust-train'; main()"
    typed = ("-c", script, *SMALL, "figures=true", f"hydra.run.dir={tmp_path}/run")
    done = python(*typed, cwd=read_only, **STRANGE, **SLURM, **TORCHRUN)
    assert done.returncode == 0, done.stderr
    assert "epoch 1/1" in done.stdout and "Scores of 1 run" in done.stdout
    assert done.stdout.rstrip().endswith(f"{tmp_path}/run/report.html")
    status = status_of(tmp_path / "run")
    assert status["status"] == "done" and not status["warnings"]
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"metrics.json", "report.html", "assignments.csv", "latents.npz"} <= left
    assert any(file.startswith("events.out.tfevents") for file in left)
    assert (tmp_path / "run" / "figures" / "losses.png").exists()


@pytest.mark.parametrize(
    ("launcher", "latents"),
    [("parallel", "0,5"), pytest.param("queue", "5", marks=pytest.mark.long)],
)
def test_launchers_run_jobs_in_processes_of_their_own(
    launcher: str, latents: str, tmp_path: Path
) -> None:
    options = ["-m", f"hydra/launcher={launcher}", "hydra.sweep.dir=sweep"]
    done = python("-m", "fmclust.train", *options, f"model.latents={latents}", *SMALL, cwd=tmp_path)
    jobs = rows_of(tmp_path / "sweep" / "jobs.csv")
    statuses = [job["status"] for job in jobs]
    if launcher == "parallel":
        assert done.returncode == 1 and statuses == ["failed", "done"]
        assert "model.latents=0 is too small" in done.stdout
    else:
        assert done.returncode == 0 and statuses == ["done"], done.stderr
    status = status_of(tmp_path / "sweep" / jobs[-1]["job"])
    assert status["environments"][-1]["threads"] == max(
        1, cpu_count() // 2 if launcher == "parallel" else 1
    )


def test_two_processes_train_on_every_image_once_and_rank_zero_scores(tmp_path: Path) -> None:
    options = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "data.batch_size=100"]
    seen = ["+callbacks.seen._target_=seen.SeenImages", "trainer.limit_train_batches=1.0"]
    own = {"PYTHONPATH": str(ROOT / "tests"), "FMCLUST_TRUST": "seen"}
    done = python("-m", "fmclust.train", *SMALL, *options, *seen, cwd=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "outputs").glob("*/*/metrics.json")
    metrics = json.loads(path.read_text())
    assert 0 < metrics["gmm/test/accuracy"] <= 1 and metrics["loss/val"] > 0
    alone = load_run(path.parent)  # one process, the same weights
    known = read_assignments(path.parent, "gmm")
    data = Digits()
    for split, held in data.splits.items():
        images = held.images[:, 0].numpy()
        np.testing.assert_array_equal(alone.encode(images), alone.latents[split])
        np.testing.assert_array_equal(alone.assign(images).clusters, known[split])
    parts = [torch.load(path.parent / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert all(len(part) for part in parts)
    expected = data.splits["train"].images.flatten(1)[:, ::8]
    assert sorted(map(tuple, torch.cat(parts).tolist())) == sorted(map(tuple, expected.tolist()))


@pytest.mark.long
def test_both_stages_of_the_contrastive_encoder_train_in_two_processes(tmp_path: Path) -> None:
    options = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "cluster=prototypes"]
    stages = ["model=contrastive", "model.self_labelling_epochs=1", "trainer.max_epochs=2"]
    done = python("-m", "fmclust.train", *SMALL, *options, *stages, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "outputs").glob("*/*/metrics.json")
    metrics = json.loads(path.read_text())
    assert metrics["loss/self_labelling"] > 0 and 0 < metrics["prototypes/test/accuracy"] <= 1
