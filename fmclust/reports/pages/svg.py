"""Embed a matplotlib figure in a page, in the colours of the page."""

import io
import re

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from fmclust.plots import save


def embedded(figure: Figure, label: str) -> Markup:
    """Return a figure as an SVG element whose black is the text colour of the page.

    Args:
        figure: The figure.
        label: Description of the figure, for screen readers.
    """
    buffer = io.StringIO()
    # Text stays text, and ids are the same every time.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fmclust"}):
        save(figure, buffer, format="svg", bbox_inches="tight", transparent=True)
    text = buffer.getvalue()
    text = re.sub(r'<metadata>.*?</metadata>| xmlns(:\w+)?="[^"]*"', "", text, flags=re.DOTALL)
    text = re.sub(r"(fill|stroke): #000000", r"\1: currentColor", text[text.index("<svg") + 4 :])
    return Markup(f'<svg role="img" aria-label="{escape(label)}"{text}')
