"""What to type after a run that did not succeed."""

import shlex
from pathlib import Path

from fmclust.runs import LAST_CHECKPOINT, Advice, read_config


def how_to_resume(directory: Path) -> str:
    """Name the last checkpoint of a run, if there is one, and the command that resumes the run."""
    checkpoint = directory / LAST_CHECKPOINT
    kept = f"Last checkpoint: {checkpoint}. " if checkpoint.exists() else ""
    typed = [f"run={directory}"]
    if (directory / "config.yaml").exists():  # not if the disk was full at once
        config = read_config(directory)
        typed += [f"sort_into={config.sort_into}"] if config.get("sort_into") else []
        typed += ["contact_sheets=true"] if config.get("contact_sheets") else []
    command = shlex.join(typed)
    return f"{kept}To resume, type: python -m fmclust.resume {command}"


def how_to_cluster(directory: Path) -> str:
    """Say how to cluster the latents of a run whose clusterer failed."""
    run = shlex.quote(f"run={directory}")
    return (
        "The encoder and its latents are kept: to use another clusterer, type python -m "
        f"fmclust.cluster {run} cluster=<option>"
    )


JOB = Advice(stopped=how_to_resume, failed=how_to_cluster)
