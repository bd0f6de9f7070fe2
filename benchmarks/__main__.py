"""Measure all benchmarks, or the named ones, into RESULTS.md: `python -m benchmarks startup`."""

import sys

import torch

from benchmarks import clustering, epoch, gpu, growth, pictures, sharing, startup, whole
from benchmarks.measure import RESULTS, replace_section

MODULES = {
    "startup": startup,
    "sharing": sharing,
    "pictures": pictures,
    "epoch": epoch,
    "clustering": clustering,
    "growth": growth,
    "whole": whole,
}
if torch.cuda.is_available():
    MODULES["gpu"] = gpu

if unknown := {*sys.argv[1:]} - {*MODULES}:
    sys.exit(f"No such benchmark here: {', '.join(unknown)}. There are {', '.join(MODULES)}.")
for name in sys.argv[1:] or MODULES:
    print(f"{name}: {(MODULES[name].__doc__ or '').splitlines()[0]}", flush=True)
    measured = MODULES[name].main()
    print(measured, flush=True)
    replace_section(RESULTS, measured)
