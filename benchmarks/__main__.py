"""All benchmarks, one after the other, into RESULTS.md: `python -m benchmarks`."""

from pathlib import Path

from benchmarks import epoch, networks, startup

HEADER = """# Results of the benchmarks

Written by `make bench`. No label is used here. Not measured yet: the whole process by stage,
accuracy against time, clustering against other libraries, growth, GPU.
"""

sections = [HEADER, *(module.main() for module in (startup, epoch, networks))]
(Path(__file__).parent / "RESULTS.md").write_text("\n".join(sections), encoding="utf-8")
