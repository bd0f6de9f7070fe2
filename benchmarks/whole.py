"""From command to metrics.json, the start of the process included: `python -m benchmarks.whole`."""

import tempfile
from pathlib import Path

from benchmarks.measure import section, targets, train
from fmclust.reports.markdown import table

JOBS = {
    "the main job, 45 epochs, mixture": ["model=convae", "cluster=gmm"],
    "part 1: k-means on 70,000 x 784 pixels": ["experiment=kmeans_pixels"],
    "part 2: 45 epochs, k-means": ["experiment=convae_kmeans"],
    "part 3: 300 epochs, mixture, bf16-mixed": [
        "experiment=convae_gmm",
        "trainer.precision=bf16-mixed",
    ],
    "the contrastive recipe, both stages": ["experiment=contrastive"],
}
MAIN, *_, LONG, CONTRASTIVE = JOBS
TARGETS = {MAIN: 80, LONG: 500, CONTRASTIVE: 900}  # job to the bound in seconds
STAGES = ("data", "encode", "cluster", "figures", "logging")
NOTE = (
    "Import is what the process takes before it claims its directory and after it is done with "
    "it; fit is all that the other columns leave: training, validation, checkpoints, scores and "
    "files. Part 1 fits nothing but its clusters."
)


def main() -> str:
    """Measure, one process for each job; return the section of the results."""
    rows, whole = [], {}
    for name, typed in JOBS.items():
        with tempfile.TemporaryDirectory() as folder:
            process, metrics = train(Path(folder) / "run", *typed)
        stages = [metrics.get(f"time/{stage}", 0.0) for stage in STAGES]
        data, encode, cluster, figures, logging = stages
        fit = metrics["time/total"] - sum(stages)
        outside = process.seconds - metrics["time/total"]
        figured = (process.seconds, outside, data, fit, encode, cluster, figures, logging)
        print(f"  {name}: {process.seconds:.1f} s", flush=True)
        rows.append([name, *(f"{v:.1f}" for v in figured), f"{process.peak / 1e9:.2f}"])
        whole[name] = process.seconds
    reached = [
        (f"{name} at most {bound} s: {whole[name]:.0f}", whole[name] <= bound)
        for name, bound in TARGETS.items()
    ]
    heads = ["s", "whole", "import", "data", "fit", "encode", "cluster", "figures", "logging"]
    return section(
        "From command to metrics.json (one process each)",
        table([*heads, "peak GB"], rows),
        NOTE,
        targets(*reached),
    )


if __name__ == "__main__":
    print(main())
