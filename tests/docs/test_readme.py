"""The commands of the README and of docs/ do what is said, on small data."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from conftest import SMALL, Answer, Finished, stop_after, write_idx
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import tables  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(), flags=re.DOTALL | re.M)
]
TYPED = [line.strip() for kind, block in BLOCKS if not kind for line in block.splitlines() if line]
PYTHON = [block for kind, block in BLOCKS if kind == "python" and "from fmclust import" in block]
# Commands on Spark are in tests/spark/.
COMMANDS = [
    shlex.split(line, comments=True)
    for line in TYPED
    if line.startswith("python") and "engine=spark" not in line
]
README = PAGES[0].read_text()
TARGETS = sorted(set(re.findall(r"make ([a-z]+)", README)))


def small(command: list[str]) -> tuple[str, ...]:
    """Return the module and the arguments of a command, with less to do and small data."""
    _, _, module, *typed = command
    if module == "fmclust.train":
        return module, *small_training(typed)
    if module == "fmclust.resume":
        return module, "run=stopped"
    if module == "fmclust.report":
        return module, "runs=runs/*"
    if module == "fmclust.optima":
        return module, "starts=2", "data.root=fashion"
    if module == "fmclust.reproduce":
        return module, "seeds=1", "parts=[convae_kmeans,convae_gmm_45]", "variants=[plain]"
    of_a_run = any(argument.startswith("run=") for argument in typed)
    kept = [a for a in typed if not a.startswith(("run=", "k_max=", "n_clusters="))]
    if module == "fmclust.elbow":
        return module, *kept, "k_max=2", "run=run" if of_a_run else "data.root=fashion"
    kept = ["cluster=bgmm" if a == "cluster=kmeans" else a for a in kept]  # the run has kmeans
    kept += ["figures=false"] if module == "fmclust.cluster" else []
    kept += ["--config-dir=own"] if "cluster=tied_gmm" in kept else []
    return module, *kept, "run=run"


def small_training(typed: list[str]) -> list[str]:
    # Launchers are in test_processes.py, but for SLURM, which is nowhere.
    replaced = (
        "trainer=",
        "trainer.max_epochs=",
        "n_clusters=",
        "hydra/launcher=",
        "hydra.launcher",
    )
    typed = [a for a in typed if not a.startswith(replaced)]
    if {"experiment=models", "experiment=tuning"} & {*typed}:
        typed = ["hydra.mode=RUN", *typed[1:]]  # for -m: one job; test_conf.py composes them all
    typed = first_values(typed, 2 if "-m" in typed else 1)
    if "experiment=photos" in typed:  # the network of conf/ with random weights, fewer pixels
        typed = [a for a in typed if not a.startswith(("model.backbone=", "model.weights="))]
        typed += ["model.weights=weights.pt", "data.image_size=32"]
    elif not any(argument.startswith("data=") for argument in typed):
        typed.append("data=digits")
    if "--cfg" in typed:
        return typed
    length = ["trainer.max_epochs=1"]
    if "experiment=contrastive" in typed:  # an epoch for each of its stages
        length = ["trainer.max_epochs=2", "trainer.limit_train_batches=2"]
    return [*typed, "trainer=cpu", *length, "n_clusters=8", "figures=false"]


def first_values(typed: list[str], most: int) -> list[str]:
    """Leave so many values to the first key that a sweep varies, one to the others."""
    made = []
    for argument in typed:
        key, _, values = argument.partition("=")
        if "," in values and not values.startswith("["):
            argument, most = f"{key}={','.join(values.split(',')[:most])}", 1
        made.append(argument)
    return made


def test_the_pages_have_commands() -> None:
    assert len(COMMANDS) >= 30 and {"train", "test", "tb"} <= set(TARGETS)
    assert {line.split()[0] for line in TYPED} == {"python", "make"}


@pytest.mark.parametrize("arguments", sorted(set(map(small, COMMANDS))), ids=" ".join)
def test_a_command_works(
    arguments: tuple[str, ...],
    command_line: Callable[..., Answer],
    small_fashion: Path,
    finished: Finished,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, *typed = arguments
    shutil.copytree(finished.directory, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "clusterings", ignore_errors=True)
    for folder in ("my pictures", "my photos", "my scans"):
        (tmp_path / folder).mkdir()
        for number in range(80):
            picture = np.roll(np.eye(30, dtype=np.uint8) * 200, number, 0)
            Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    if "experiment=photos" in typed:
        network = torchvision.models.get_model("resnet18", weights=None)
        torch.save(network.state_dict(), tmp_path / "weights.pt")
    squares = np.eye(64).reshape(64, 8, 8) * 200
    write_idx(tmp_path / "my images" / "train-images-idx3-ubyte", squares)
    if "--config-dir=own" in typed:  # with the file that the page shows
        (text,) = (block for _, block in BLOCKS if block.startswith("# conf/cluster/tied_gmm.yaml"))
        (tmp_path / "own" / "cluster").mkdir(parents=True)
        (tmp_path / "own" / "cluster" / "tied_gmm.yaml").write_text(text)
    if module == "fmclust.resume":
        with monkeypatch.context() as patch:
            stop_after(0, patch)
            assert command_line("train", *SMALL, "hydra.run.dir=stopped").status == 130
    elif module == "fmclust.reproduce":  # which test_reproduce.py trains for
        run = tmp_path / "outputs" / "reproduce" / "convae_kmeans" / "plain" / "0"
        shutil.copytree(finished.directory, run)
    elif module == "fmclust.report":
        shutil.copytree(finished.directory, tmp_path / "runs" / "a")
        shutil.copytree(finished.directory, tmp_path / "runs" / "b")
    answer = command_line(module.removeprefix("fmclust."), *typed)
    assert answer.status == 0, answer.err


@pytest.mark.parametrize("block", PYTHON)
def test_the_python_runs(
    block: str, finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    block = block.replace("max_epochs=10", "max_epochs=1, overrides=['figures=false']")
    exec(block.replace("outputs/<date>/<time>", str(finished.directory)), {})
    printed = capsys.readouterr().out
    assert ("(1797, 10)" if "ImageClusterer" in block else "gmm") in printed


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_make_targets_of_the_readme_exist() -> None:
    # PY and MAKE: a line with $(MAKE) in it is run by make -n too.
    typed = ["make", "-n", *TARGETS, "PY=true", "MAKE=true"]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_table_of_groups_is_that_of_conf() -> None:
    page = tables.PAGE.read_text()
    assert tables.updated(page) == page, "type python docs/tables.py"
    assert len(tables.ROW.findall(page)) == 9
