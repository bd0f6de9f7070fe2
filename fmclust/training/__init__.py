"""Fitting an encoder under Lightning."""
