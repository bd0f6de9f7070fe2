"""The templates of the pages; all values that they show are escaped."""

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
    """Whether a file is a page of fmclust, which may be overwritten."""
    with path.open("rb") as file:
        return GENERATOR in file.read(1000)
