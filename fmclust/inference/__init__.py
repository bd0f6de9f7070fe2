"""A finished run, opened: encode and assign new images."""

from fmclust.inference.assigning import Assignment, AssignmentWriter
from fmclust.inference.loaded_run import LoadedRun, load_run

__all__ = ["Assignment", "AssignmentWriter", "LoadedRun", "load_run"]
