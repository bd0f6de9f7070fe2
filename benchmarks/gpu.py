"""Jobs on a GPU, and an epoch beside the usual way: `python -m benchmarks.gpu`, about 3 minutes.

Writes its section of RESULTS.md. What does not fit into the time is left out, and said.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.epoch import BATCH, LEAST, fmclust, usual
from benchmarks.measure import RESULTS, replace_section, section, targets, train
from benchmarks.training import DEFAULT
from fmclust.reports.markdown import table
from fmclust.training.trainer import quieten_lightning

BUDGET = 170  # seconds in all
JOBS = {  # job to its arguments and the bound of the whole process, in seconds
    "the main job, 32-bit": (["trainer.precision=32-true"], 30),
    "the main job, bf16-mixed": (["trainer.precision=bf16-mixed"], 30),
    "the contrastive recipe, both stages": (["experiment=contrastive"], 60),
    "part 3: 300 epochs, bf16-mixed": (
        ["experiment=convae_gmm", "trainer.precision=bf16-mixed"],
        75,
    ),
}


def main() -> str:
    """Measure; return the section of the results."""
    quieten_lightning()
    start, rows, reached = time.perf_counter(), [], []
    ours, theirs = fmclust(DEFAULT, "auto"), usual(DEFAULT)
    peak = torch.cuda.max_memory_allocated() / 1e9
    speed = f"{ours:.2f} s, {60_000 / ours:,.0f} images a second, {peak:.2f} GB of GPU memory"
    ratio = theirs / ours
    reached.append((f"at least {LEAST['gpu']} x the usual way: {ratio:.1f} x", ratio >= 10))
    for name, (typed, bound) in JOBS.items():
        if time.perf_counter() - start + bound > BUDGET:
            rows.append([name, "no time left", ""])
            continue
        with tempfile.TemporaryDirectory() as folder:
            process, metrics = train(Path(folder) / "run", "trainer=gpu", *typed)
        rows.append([name, f"{process.seconds:.1f}", f"{metrics['time/total']:.1f}"])
        print(f"  {rows[-1]}", flush=True)
        text = f"{name} at most {bound} s: {process.seconds:.0f}"
        reached.append((text, process.seconds <= bound))
    return section(
        "On a GPU",
        f"An epoch of the default network, batch {BATCH}: {speed}; the usual way {theirs:.2f} s.",
        table(["", "whole process, s", "of which the job, s"], rows),
        targets(*reached),
    )


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("torch sees no GPU.")
    made = main()
    print(made)
    replace_section(RESULTS, made)
