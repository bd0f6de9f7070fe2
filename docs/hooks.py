"""A hook of MkDocs: links to files of the repository lead to the pages that show them."""

from typing import Any

PAGES = {"../RESULTS.md": "results.md", "../benchmarks/RESULTS.md": "speed.md"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the text of a page with such links replaced."""
    for file, page in PAGES.items():
        markdown = markdown.replace(f"]({file}", f"]({page}")
    return markdown
