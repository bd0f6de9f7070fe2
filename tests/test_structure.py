"""The packages and who may import whom; no import has a side effect."""

import subprocess
import sys
from pathlib import Path

import pytest

import fmclust

PACKAGE = Path(fmclust.__file__).parent
sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import diagram  # noqa: E402

BASE = {"errors", "terminal", "trust", "__version__"}  # for all
SERVICES = {"data", "models", "clustering", "plots", "runs"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "terminal": set(),
    "trust": {"errors"},
    "__version__": set(),
    "data": set(),
    "models": set(),
    "clustering": set(),
    "metrics": set(),
    "plots": {"metrics"},
    "runs": set(),
    "evaluation": SERVICES | {"metrics"},
    "training": SERVICES | {"evaluation"},
    "inference": SERVICES,
    "reports": {"runs", "plots", "metrics", "paper.numbers"},
    "config": set(),
    "paper.numbers": set(),
    "spark": SERVICES | {"metrics", "inference"},
}
MAY_IMPORT["jobs"] = {*MAY_IMPORT}
MAY_IMPORT["paper"] = {*MAY_IMPORT}
ALL = {name.partition(".")[0] for name in MAY_IMPORT}
TOP_LEVEL = {"__init__", "errors", "estimator", "terminal", "trust"}  # and the commands
COMMANDS = {"train", "resume", "cluster", "assign", "elbow", "optima", "reproduce", "report"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    """Return the entry of the table that a module belongs to; empty for a command."""
    dotted = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    if dotted == "paper.numbers":
        return dotted
    name = dotted.partition(".")[0]
    return "" if name in {*COMMANDS, "__init__", "estimator"} else name


def test_the_top_level_holds_the_commands_alone() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == TOP_LEVEL | COMMANDS
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert packages == {name.partition(".")[0] for name in MAY_IMPORT} - BASE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_it_may(path: Path) -> None:
    allowed = MAY_IMPORT.get(place(path), ALL | {"estimator"})
    for dotted in diagram.imported(path):
        package = dotted.partition(".")[0]
        whole = {package, ".".join(dotted.split(".")[:2])}
        own = place(path).partition(".")[0] == package and place(path) != "paper.numbers"
        assert own or package in BASE & ALL - {place(path)} or whole & allowed, (path, dotted)


def test_no_class_of_an_encoder_is_named_outside_models() -> None:
    for path in MODULES:
        if "models" not in path.relative_to(PACKAGE).parts:
            text = path.read_text()
            assert "Autoencoder" not in text and "Pixels" not in text, path


WATCHED = """
import logging, signal, sys, warnings
import hydra, matplotlib, omegaconf, pytorch_lightning, sklearn, torch, torchmetrics, torchvision
import hydra._internal.config_loader_impl as loader, hydra.core.config_store as store
import hydra.experimental.callback, hydra._internal.core_plugins.basic_sweeper
import matplotlib.figure, matplotlib.ticker, scipy.optimize, skops, tensorboard, kneed
import joblib, jinja2, PIL.Image, PIL.ImageOps, rich.progress
import pytorch_lightning.loggers, pytorch_lightning.profilers
import sklearn.cluster, sklearn.decomposition, sklearn.metrics, sklearn.mixture, sklearn.neighbors
import torch.utils.tensorboard, torchvision.datasets, threadpoolctl, subprocess, concurrent.futures

def state():
    return {
        "loader": vars(loader.ConfigLoaderImpl).copy(),
        "store": str(store.ConfigStore.instance().repo),
        "filters": list(warnings.filters),
        "root": (list(logging.getLogger().handlers), logging.getLogger().level),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "hook": sys.excepthook,
    }

before = state()
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
after = state()
assert after == before, [key for key in before if after[key] != before[key]]
"""


def test_no_import_has_a_side_effect() -> None:
    names = [
        ".".join(("fmclust", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        for path in MODULES
        if path.name != "__main__.py"
    ]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *names], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_picture_of_the_packages_is_that_of_the_code() -> None:
    assert diagram.TARGET.read_text() == diagram.draw(), "type python docs/diagram.py"
