"""Finished runs as tables."""

from fmclust.reports.tables import print_scores

__all__ = ["print_scores"]
