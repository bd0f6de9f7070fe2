"""Finished runs as tables, CSV files and pages."""
