"""Open a finished run: encode and assign new images."""

from fmclust.inference.assigning import Assignment
from fmclust.inference.loaded_run import LoadedRun, load_run
