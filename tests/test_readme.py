"""The commands of the README and of docs/ do what is said, on small data."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, stop_after, write_idx
from PIL import Image

from fmclust.config import conf_directory

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "python.md"]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), flags=re.DOTALL | re.M)
]
TYPED = [line.strip() for kind, block in BLOCKS if not kind for line in block.splitlines()]
PYTHON = [block for kind, block in BLOCKS if kind == "python"]
# Each once: several pages may tell of a command, with or without a comment.
COMMANDS = list(
    {tuple(shlex.split(line, comments=True)): line for line in TYPED if "python" in line}.values()
)
README = PAGES[0].read_text()
TARGETS = sorted(set(re.findall(r"make ([a-z]+)", README)))


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 8 and {"train", "test", "tb"} <= set(TARGETS)
    assert {line.split()[0] for line in TYPED} == {"python", "make"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works(command, command_line, small_fashion, finished, tmp_path, monkeypatch):
    _, _, module, *arguments = shlex.split(command, comments=True)
    if module == "fmclust.resume":
        with monkeypatch.context() as patch:
            stop_after(0, patch)
            assert command_line("train", *SMALL, "hydra.run.dir=stopped").status == 130
        arguments = ["run=stopped"]
    elif module == "fmclust.reproduce":
        small = "'data=digits','trainer=cpu','trainer.max_epochs=1'"
        arguments = ["seeds=1", "parts=[kmeans_pixels]", "variants=[plain]", f"overrides=[{small}]"]
    elif module == "fmclust.optima":
        arguments = [a for a in arguments if not a.startswith("starts=")]
        arguments += ["starts=2", f"data.root={small_fashion}"]
    elif module == "fmclust.report":
        shutil.copytree(finished.directory, tmp_path / "runs" / "a")
        shutil.copytree(finished.directory, tmp_path / "runs" / "b")
        arguments = ["runs=runs/*"]
    elif module in ("fmclust.cluster", "fmclust.assign"):
        run = shutil.copytree(finished.directory, tmp_path / "run")
        shutil.rmtree(run / "clusterings", ignore_errors=True)
        arguments = [
            a for a in arguments if not a.startswith(("run=", "n_clusters=", "cluster=km"))
        ]
        arguments += [f"run={run}"] + ["cluster=bgmm"] * ("cluster=kmeans" in command)
        write_pictures(tmp_path / "my pictures")
    elif module == "fmclust.elbow":
        arguments = [a for a in arguments if not a.startswith(("run=", "k_max="))] + ["k_max=3"]
        of_a_run = "run=" in command
        arguments.append(f"run={finished.directory}" if of_a_run else f"data.root={small_fashion}")
    else:
        if not any(argument.startswith("data=") for argument in arguments):
            arguments.append(f"data.root={small_fashion}")
        write_idx(
            tmp_path / "my images" / "train-images-idx3-ubyte", np.eye(64).reshape(64, 8, 8) * 200
        )
        write_pictures(tmp_path / "my pictures")
        arguments = shortened(arguments) if "-m" in arguments else arguments
        if "experiment=tuning" in arguments:
            arguments[0] = "hydra.mode=RUN"  # for -m: one job in place of 16, see test_conf.py
        if "--cfg" not in arguments:
            arguments += ["trainer=cpu", "trainer.max_epochs=1", "n_clusters=8"]
    answer = command_line(module.removeprefix("fmclust."), *arguments)
    assert answer.status == 0, answer.err


def shortened(arguments):
    """Leaves two values to the first key that a sweep varies, one to the others."""
    made, most = [], 2
    for argument in arguments:
        key, _, values = argument.partition("=")
        if "," in values and not values.startswith("["):
            argument = f"{key}={','.join(values.split(',')[:most])}"
            most = 1
        made.append(argument)
    return made


def write_pictures(folder):
    folder.mkdir()
    for number in range(80):
        Image.fromarray(np.roll(np.eye(30, dtype=np.uint8) * 200, number, 0)).save(
            folder / f"{number}.png"
        )


@pytest.mark.parametrize("block", PYTHON)
def test_the_python_runs(block, finished, capsys):
    exec(block.replace("outputs/<date>/<time>", str(finished.directory)), {})
    assert "gmm" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_make_targets_of_the_readme_exist():
    done = subprocess.run(["make", "-n", *TARGETS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_table_of_groups_is_that_of_the_help():
    for group in ("data", "model", "trainer", "experiment", "debug", "hydra/launcher"):
        (row,) = [line for line in README.splitlines() if line.startswith(f"| `{group}=`")]
        options = {path.stem for path in (conf_directory() / group).glob("*.yaml")}
        assert options == set(re.findall(r"`([a-z_0-9]+)`", row.split("|")[2])), group
