"""The run directory: its names, claiming and locking it, writing whole files or none."""

from fmclust.runs.directory import Run, claim, join
from fmclust.runs.environment import environment
from fmclust.runs.files import replacing
from fmclust.runs.layout import LAYOUT, unexpected_and_missing

__all__ = ["LAYOUT", "Run", "claim", "environment", "join", "replacing", "unexpected_and_missing"]
