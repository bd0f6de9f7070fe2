"""What to type after a run whose clustering failed."""

import shlex
from pathlib import Path


def how_to_cluster(directory: Path) -> str:
    """Say how to go on with a run that has its encoder and latents."""
    run = shlex.quote(f"run={directory}")
    return (
        f"The encoder and its latents are kept. With another clusterer or other parameters, "
        f"type: python -m fmclust.resume {run} cluster=<option>"
    )
