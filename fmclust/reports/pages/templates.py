"""The pages' templates; whatever comes from outside is escaped."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

GENERATOR = b'<meta name="generator" content="fmclust">'
ASSETS = Path(__file__).parent / "assets"
TEMPLATES = Environment(
    loader=FileSystemLoader(ASSETS),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def is_page(path: Path) -> bool:
    """Whether a file is one of these pages, which may be written anew."""
    with path.open("rb") as file:
        return GENERATOR in file.read(1000)
