"""Self-contained HTML pages of one run, and of many."""

from fmclust.reports.pages.run_page import write_run_page
from fmclust.reports.pages.runs_page import write_runs_page
from fmclust.reports.pages.templates import is_page
