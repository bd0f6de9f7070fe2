"""All benchmarks, one after the other, into RESULTS.md: `python -m benchmarks`."""

from pathlib import Path

import torch

from benchmarks import accuracy, clustering, epoch, growth, networks, startup, whole

RESULTS = Path(__file__).parent / "RESULTS.md"
GPU = "not measured: there was none" if not torch.cuda.is_available() else "measured"
HEADER = f"""# Results of the benchmarks

The last full run of `make bench`. Labels choose nothing here; in one section they score.
On a GPU, rows *epoch*, *from command to metrics.json* and *accuracy against time*: {GPU}.
"""

sections = [HEADER]
for module in (startup, epoch, clustering, growth, whole, networks, accuracy):
    print(f"{module.__name__}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    sections.append(module.main())
    print(sections[-1], flush=True)
RESULTS.write_text("\n".join(sections), encoding="utf-8")
