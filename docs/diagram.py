"""Draw docs/images/architecture.svg from what the code really imports: `python docs/diagram.py`.

Boxes are the packages of fmclust; a thin line goes from each to those it imports (those at the top
import from all below), thick arrows are the way of the data.
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
    ("paper",),
    ("jobs",),
    ("spark",),
    ("config", "training", "inference", "reports"),
    ("evaluation",),
    ("data", "models", "clustering", "metrics", "plots", "runs"),
)
ABOVE_ALL = (COMMANDS, "paper", "jobs")  # their lines would cross every box below
WHAT = {
    COMMANDS: "one file per command",
    "paper": "the paper's parts and numbers",
    "jobs": "configuration to finished run",
    "spark": "the same on Apache Spark",
    "config": "command line to configuration",
    "training": "fits an encoder (Lightning)",
    "inference": "a finished run, opened",
    "reports": "tables and pages",
    "evaluation": "latents to scores and files",
    "data": "images, splits, readers",
    "models": "images to latents and back",
    "clustering": "latents to cluster ids",
    "metrics": "cluster ids to scores",
    "plots": "arrays to figures",
    "runs": "the run directory",
}
WAY = (
    ("data", "models", "images"),
    ("models", "clustering", "latents"),
    ("clustering", "metrics", "cluster ids"),
)
WIDTH, ROW_HEIGHT, BOX_WIDTH, BOX_HEIGHT, MARGIN = 1120, 110, 158, 58, 24


def imported(path: Path) -> Iterator[str]:
    """Yield the names below fmclust that a file imports, such as `runs.files`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            whole = node.module == "fmclust"
            modules = [f"fmclust.{a.name}" for a in node.names] if whole else [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from (m.removeprefix("fmclust.") for m in modules if m.startswith("fmclust."))


def imports() -> dict[str, set[str]]:
    """Return each package, and the commands as one, to the packages that it imports."""
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    files = {package: (PACKAGE / package).rglob("*.py") for package in sorted(packages)}
    files[COMMANDS] = PACKAGE.glob("*.py")
    return {
        package: {name.partition(".")[0] for path in paths for name in imported(path)}
        & (packages - {package})
        for package, paths in files.items()
    }


def places() -> dict[str, tuple[float, float]]:
    """Return the middle of every box."""
    found = {}
    for row, packages in enumerate(ROWS):
        step = (WIDTH - 2 * MARGIN) / len(packages)
        for column, package in enumerate(packages):
            x = MARGIN + (column + 0.5) * step
            found[package] = (x, MARGIN + BOX_HEIGHT / 2 + row * ROW_HEIGHT)
    return found


def draw() -> str:
    """Return the picture as SVG."""
    place = places()
    height = 2 * MARGIN + BOX_HEIGHT + (len(ROWS) - 1) * ROW_HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="The packages of fmclust and what they import" font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0 8 4 0 8z" fill="#b4500f"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for package, others in imports().items():
        if package in ABOVE_ALL:
            x, y = place[package]
            parts.append(
                f'<text x="{x + BOX_WIDTH / 2 + 10:g}" y="{y + 4:g}" font-size="11" '
                'fill="#5b6470">imports from all below</text>'
            )
            continue
        for other in sorted(others):
            (x1, y1), (x2, y2) = place[package], place[other]
            bend = (y1 + y2) / 2
            parts.append(
                f'<path d="M{x1:g} {y1 + BOX_HEIGHT / 2:g}C{x1:g} {bend:g} {x2:g} {bend:g} '
                f'{x2:g} {y2 - BOX_HEIGHT / 2:g}" fill="none" stroke="#9aa5b1"/>'
            )
    for package, (x, y) in place.items():
        left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
        parts += [
            f'<rect x="{left:g}" y="{top:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
            'fill="#f6f7f9" stroke="#1f5fa8"/>',
            f'<text x="{x:g}" y="{y - 4:g}" text-anchor="middle" font-size="15" '
            f'font-weight="bold">{escape(package)}</text>',
            f'<text x="{x:g}" y="{y + 15:g}" text-anchor="middle" font-size="10" fill="#5b6470">'
            f"{escape(WHAT[package])}</text>",
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
