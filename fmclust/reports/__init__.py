"""Finished runs as tables, CSVs and plots."""

from fmclust.reports.sweeps import Job, report_sweep
from fmclust.reports.tables import print_run

__all__ = ["Job", "print_run", "report_sweep"]
