"""The rooms and who may import whom; arrows go one way."""

import sys
from pathlib import Path

import pytest

import fmclust

PACKAGE = Path(fmclust.__file__).parent
sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import diagram  # noqa: E402

BASE = {"errors", "trust"}  # for all
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


def test_every_room_is_in_the_table():
    assert ROOMS == sorted(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room):
    for path in (PACKAGE / room).rglob("*.py"):
        assert set(diagram.imported(path)) <= MAY_IMPORT[room] | BASE | {room}, path


def test_entry_points_read_like_a_table_of_contents():
    for path in PACKAGE.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 150, path


def test_the_picture_of_the_rooms_is_that_of_the_code():
    assert diagram.TARGET.read_text() == diagram.draw(), "type python docs/diagram.py"
    shown = {room for row in diagram.ROWS for room in row}
    assert shown == {*ROOMS, diagram.COMMANDS} == set(diagram.WHAT)
