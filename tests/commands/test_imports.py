"""What each command imports: those that don't train start fast."""

from pathlib import Path

import numpy as np
import pytest
from conftest import python

HEAVY = (
    *("torch", "pytorch_lightning", "torchmetrics", "torchvision", "tensorboard", "sklearn"),
    *("skops", "pandas", "matplotlib", "jinja2", "PIL"),
)
PROCESS = """
import atexit, runpy, sys
heavy, command, *arguments = sys.argv[1:]
atexit.register(lambda: print(*(name for name in heavy.split(",") if name in sys.modules)))
if command == "load_run":
    import fmclust
    fmclust.load_run(*arguments)
else:
    sys.argv = [command, *arguments]
    runpy.run_module(f"fmclust.{command}", run_name="__main__")
"""
COMMANDS = {  # command to its arguments, and what it needs
    "load_run": ("run", {"torch", "PIL"}),
    "assign": ("run=run input=x.npy output=a.csv", {"torch", "PIL", "pandas"}),
    "cluster": (
        "run=run cluster=kmeans name=k figures=false",
        # scikit-learn imports pandas where it is installed
        {"torch", "PIL", "sklearn", "skops", "pandas"},
    ),
    "elbow": ("run=run k_max=3", {"torch", "PIL", "sklearn", "pandas", "matplotlib"}),
    "report": ("runs=run", {"PIL", "sklearn", "pandas", "matplotlib", "jinja2"}),
    "train": ("--help", set()),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_what_it_needs(command: str, run: Path) -> None:
    np.save(run.parent / "x.npy", np.zeros((2, 28, 28), np.uint8))
    arguments, needed = COMMANDS[command]
    done = python("-c", PROCESS, ",".join(HEAVY), command, *arguments.split(), cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert {*done.stdout.splitlines()[-1].split()} == needed
