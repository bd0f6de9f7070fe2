"""Draws docs/images/architecture.svg from what the code really imports: `python docs/diagram.py`.

Boxes are the rooms of fmclust; a thin line goes from each room to those it imports, thick arrows
are the way of the data.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import fmclust

PACKAGE = Path(fmclust.__file__).parent
TARGET = Path(__file__).parent / "images" / "architecture.svg"
COMMANDS = "fmclust/*.py"
ROWS = (
    (COMMANDS,),
    ("callbacks", "reports"),
    ("evaluation",),
    ("data", "models", "clustering", "metrics", "plots", "runs"),
)
WHAT = {
    COMMANDS: "one file per command, and jobs",
    "callbacks": "when things happen",
    "reports": "tables and pages",
    "evaluation": "latents to scores, figures, files",
    "data": "images, splits, batches",
    "models": "images to latents and back",
    "clustering": "latents to clusters",
    "metrics": "clusters to scores",
    "plots": "arrays to figures",
    "runs": "the run directory",
}
WAY = (("data", "models", "images"), ("models", "clustering", "latents"))
WAY += (("clustering", "metrics", "cluster ids"),)
WIDTH, ROW_HEIGHT, BOX_WIDTH, BOX_HEIGHT, MARGIN = 1120, 130, 150, 58, 24


def imported(path: Path) -> Iterator[str]:
    """Yields the names below fmclust that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            whole = node.module == "fmclust"
            modules = [f"fmclust.{a.name}" for a in node.names] if whole else [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from (module.split(".")[1] for module in modules if module.startswith("fmclust."))


def imports() -> dict[str, set[str]]:
    """Returns each room, and the commands as one, to the rooms that it imports."""
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    files = {room: (PACKAGE / room).rglob("*.py") for room in sorted(rooms)}
    files[COMMANDS] = PACKAGE.glob("*.py")
    return {
        room: {name for path in paths for name in imported(path)} & (rooms - {room})
        for room, paths in files.items()
    }


def places() -> dict[str, tuple[float, float]]:
    """Returns the middle of every box."""
    found = {}
    for row, rooms in enumerate(ROWS):
        step = (WIDTH - 2 * MARGIN) / len(rooms)
        for column, room in enumerate(rooms):
            x = MARGIN + (column + 0.5) * step
            found[room] = (x, MARGIN + BOX_HEIGHT / 2 + row * ROW_HEIGHT)
    return found


def draw() -> str:
    """Returns the picture as SVG."""
    place = places()
    height = 2 * MARGIN + BOX_HEIGHT + (len(ROWS) - 1) * ROW_HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="The rooms of fmclust and what they import" font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0 8 4 0 8z" fill="#b4500f"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for room, others in imports().items():
        for other in sorted(others):
            (x1, y1), (x2, y2) = place[room], place[other]
            bend = (y1 + y2) / 2
            parts.append(
                f'<path d="M{x1:g} {y1 + BOX_HEIGHT / 2:g}C{x1:g} {bend:g} {x2:g} {bend:g} '
                f'{x2:g} {y2 - BOX_HEIGHT / 2:g}" fill="none" stroke="#9aa5b1"/>'
            )
    for room, (x, y) in place.items():
        left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
        parts += [
            f'<rect x="{left:g}" y="{top:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
            'fill="#f6f7f9" stroke="#1f5fa8"/>',
            f'<text x="{x:g}" y="{y - 4:g}" text-anchor="middle" font-size="15" '
            f'font-weight="bold">{escape(room)}</text>',
            f'<text x="{x:g}" y="{y + 15:g}" text-anchor="middle" font-size="10" fill="#5b6470">'
            f"{escape(WHAT[room])}</text>",
        ]
    for start, end, name in WAY:
        (x1, y), (x2, _) = place[start], place[end]
        y += BOX_HEIGHT / 2 + 12
        parts += [
            f'<path d="M{x1:g} {y - 10:g}Q{(x1 + x2) / 2:g} {y + 28:g} {x2 - 6:g} {y - 8:g}" '
            'fill="none" stroke="#b4500f" stroke-width="2.5" marker-end="url(#tip)"/>',
            f'<text x="{(x1 + x2) / 2:g}" y="{y + 24:g}" text-anchor="middle" font-size="12" '
            f'fill="#b4500f">{name}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
