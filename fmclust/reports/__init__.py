"""Finished runs as tables, CSV files and pages."""

from fmclust.reports.jobs import Job
from fmclust.reports.pages import is_page, write_run_page, write_runs_page
from fmclust.reports.sweeps import report_sweep
from fmclust.reports.tables import print_run
