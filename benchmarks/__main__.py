"""Measure all benchmarks, or the named ones, into RESULTS.md: `python -m benchmarks startup`."""

import sys
from importlib import import_module

import torch

from benchmarks.measure import RESULTS, replace_section

NAMES = ["startup", "sharing", "pictures", "epoch", "clustering", "growth", "whole"]
NAMES += ["gpu"] * torch.cuda.is_available()

if unknown := {*sys.argv[1:]} - {*NAMES}:
    sys.exit(f"No such benchmark here: {', '.join(unknown)}. There are {', '.join(NAMES)}.")
for name in sys.argv[1:] or NAMES:
    module = import_module(f"benchmarks.{name}")
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    measured = module.main()
    print(measured, flush=True)
    replace_section(RESULTS, measured)
