"""Open a finished run: encode and assign new images."""

from fmclust.inference.assigning import Assignment, to_table
from fmclust.inference.loaded_run import LoadedRun, load_run
