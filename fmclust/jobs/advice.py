"""What to type after a run whose clustering failed."""

import shlex
from pathlib import Path

from fmclust.runs.claims import Advice


def how_to_cluster(directory: Path) -> str:
    """Say how to go on with a run that has its encoder."""
    run = shlex.quote(f"run={directory}")
    return (
        "The encoder and its latents are kept: to cluster them by something else, type python -m "
        f"fmclust.cluster {run} cluster=<option>"
    )


JOB = Advice(failed=how_to_cluster)
