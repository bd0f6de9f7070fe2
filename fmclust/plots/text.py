"""Texts in figures: drawn as they are, in any script, with the fonts of the system."""

import logging
import unicodedata
import warnings
from functools import cache
from itertools import accumulate
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

MAX_NAME = 40  # characters of a name
LAST_RESORT = "Last Resort"  # fonts that have a box for every character


def shortened(name: str, n: int = MAX_NAME) -> str:
    """Return a name of at most n characters in one line; a wide character counts twice."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    widths = accumulate(1 + (unicodedata.east_asian_width(c) in "WF") for c in plain)
    fitting = sum(width <= n for width in widths)
    return plain if fitting == len(plain) else f"{plain[: fitting - 1]}…"


def save(figure: Figure, target: Any, **options: Any) -> None:
    """Save a figure whose texts are drawn as they are, `$` too, with any font that has them.

    A character that no font of the system has is drawn as a box, without a warning.

    Args:
        figure: The figure.
        target: Path or open file.
        **options: Arguments of `Figure.savefig`.
    """
    texts: list[Text] = figure.findobj(Text)
    for axes in figure.axes:
        texts += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    fallbacks = _fallbacks(frozenset().union(*(text.get_text() for text in texts)))
    families = [*mpl.rcParams["font.family"], *fallbacks]
    for text in texts:
        text.set_parse_math(False)
        text.set_fontfamily(families)
    with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(?s).*missing from.*font")
        figure.savefig(target, **options)


@cache
def _fallbacks(characters: frozenset[str]) -> list[str]:
    """Return the families of fonts that have the characters that matplotlib's own font lacks."""
    own = _characters(font_manager.findfont("DejaVu Sans"))
    missing = {c for c in characters if ord(c) not in own and c.isprintable()}
    families: list[str] = []
    for font in _fonts() if missing else ():
        if found := {c for c in missing if ord(c) in _characters(font.fname)}:
            families.append(font.name)
            missing -= found
        if not missing:
            break
    return families


def _fonts() -> list[font_manager.FontEntry]:
    """Return the regular fonts of the system, those without serifs first."""
    fonts = [
        font
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and not font.name.startswith(LAST_RESORT)
    ]
    return sorted(fonts, key=lambda f: ("Sans" not in f.name, f.weight not in (400, "normal")))


@cache
def _characters(path: str) -> frozenset[int]:
    """Return the code points of a font; none if matplotlib can't read it."""
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError, UnicodeError):
        logging.getLogger(__name__).debug("%s can't be read", path, exc_info=True)
        return frozenset()
