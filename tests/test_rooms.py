"""The rooms and who may import whom; arrows go one way."""

import ast
from pathlib import Path

import pytest

import fmclust

PACKAGE = Path(fmclust.__file__).parent
BASE = {"errors"}  # the exception type is for all
MAY_IMPORT = {
    "data": set(),
    "models": set(),
    "clustering": set(),
    "metrics": set(),
    "plots": set(),
    "runs": set(),
    "evaluation": {"data", "clustering", "metrics", "plots", "runs"},
    "callbacks": {"data", "models", "clustering", "metrics", "plots", "runs", "evaluation"},
    "reports": {"runs", "plots", "metrics"},
}
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def imported_from_fmclust(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            modules = [node.module or ""]
            if node.module == "fmclust":
                modules = [f"fmclust.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        names |= {module.split(".")[1] for module in modules if module.startswith("fmclust.")}
    return names


def test_every_room_is_in_the_table():
    assert ROOMS == sorted(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room):
    for path in (PACKAGE / room).rglob("*.py"):
        assert imported_from_fmclust(path) <= MAY_IMPORT[room] | BASE | {room}, path


def test_entry_points_read_like_a_table_of_contents():
    for path in PACKAGE.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 150, path
