"""Packages of the user's own: trusted through the environment, where no file can set them."""

import os

VARIABLE = "FMCLUST_TRUST"  # names, comma-separated


def own_packages() -> list[str]:
    """Names the packages whose classes a config or a saved estimator may name besides ours."""
    return list(filter(None, os.environ.get(VARIABLE, "").split(",")))
