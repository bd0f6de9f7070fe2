"""All benchmarks, one after the other, into RESULTS.md: `python -m benchmarks`."""

import torch

from benchmarks import clustering, epoch, gpu, growth, pictures, sharing, spark, startup, whole
from benchmarks.measure import RESULTS, sections_of

HEADER = """# Results of the benchmarks

The last full run of `make bench`; `python -m benchmarks.gpu` makes the section on a GPU, and
`python -m benchmarks.spark` those on Spark (two hours). Labels choose nothing.
"""

sections = [HEADER]
for module in (startup, sharing, pictures, epoch, clustering, growth, whole):
    print(f"{module.__name__}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    sections.append(module.main())
    print(sections[-1], flush=True)
before = sections_of(RESULTS)
has_gpu = torch.cuda.is_available() or gpu.TITLE not in before
sections.append(gpu.main() if has_gpu else before[gpu.TITLE])
sections += [before[title] for title in spark.TITLES if title in before]
RESULTS.write_text("\n".join(sections), encoding="utf-8")
