"""Finished runs as tables, CSVs and plots."""

from fmclust.reports.jobs import Job
from fmclust.reports.optima import optima_by_frequency, spread_over_starts
from fmclust.reports.pages import is_page, write_run_page, write_runs_page
from fmclust.reports.reproduction import read_rows, write_reproduction
from fmclust.reports.sweeps import report_sweep
from fmclust.reports.tables import print_run

__all__ = [
    "Job",
    "is_page",
    "optima_by_frequency",
    "print_run",
    "read_rows",
    "report_sweep",
    "spread_over_starts",
    "write_reproduction",
    "write_run_page",
    "write_runs_page",
]
