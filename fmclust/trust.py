"""What configurations may name: packages of the user's own are trusted by the environment alone."""

import os
from collections.abc import Iterator
from typing import Any

VARIABLE = "FMCLUST_TRUST"  # names, comma-separated


def own_packages() -> list[str]:
    """Names the packages whose classes a config or a saved estimator may name besides ours."""
    return list(filter(None, os.environ.get(VARIABLE, "").split(",")))


def dictionaries(node: Any) -> Iterator[dict[Any, Any]]:
    """Yields every dictionary in a configuration."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from dictionaries(value)
