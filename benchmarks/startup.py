"""How long commands take that do not train, whole processes: `python -m benchmarks.startup`."""

import statistics
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import interleaved, run_python, section, targets, timings, train

ROUNDS, N_PICTURES = 5, 10
TARGETS = {  # row to the bound in seconds
    "`--help`": 0.6,
    "`import fmclust`": 0.1,
    "`import fmclust`, then `load_run(...)`": 2.5,
    "`assign` of 10 pictures": 3.0,
    "`cluster` by k-means, 60,000 x 10": 4.0,
}


def commands(run: Path, pictures: Path) -> dict[str, Callable[[], list[str]]]:
    """Return row to a function that returns the arguments of Python, new ones each time."""
    new = map(str, count())
    loading = f"import fmclust; fmclust.load_run({str(run)!r})"
    assigning = ["-m", "fmclust.assign", f"run={run}", f"input={pictures}"]
    clustering = ["-m", "fmclust.cluster", f"run={run}", "cluster=kmeans"]
    return {
        "`--help`": lambda: ["-m", "fmclust.train", "--help"],
        "`--cfg job`": lambda: ["-m", "fmclust.train", "--cfg", "job"],
        "`import fmclust`": lambda: ["-c", "import fmclust"],
        "`import fmclust`, then `load_run(...)`": lambda: ["-c", loading],
        "`assign` of 10 pictures": lambda: [*assigning, f"output={run.parent}/{next(new)}.csv"],
        "`cluster` by k-means, 60,000 x 10": lambda: [*clustering, f"name=k{next(new)}"],
        "`import torch`": lambda: ["-c", "import torch"],
        "python itself": lambda: ["-c", "pass"],
    }


def main() -> str:
    """Measure; return the section of the results."""
    with tempfile.TemporaryDirectory() as folder:
        run, pictures = Path(folder) / "run", Path(folder) / "pictures"
        train(run, "trainer.max_epochs=1", "figures=false")
        pictures.mkdir()
        pixels = np.random.default_rng(0).integers(0, 256, (N_PICTURES, 28, 28), np.uint8)
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(pictures / f"{number}.png")
        contenders = {
            name: lambda typed=typed: run_python(typed()).seconds
            for name, typed in commands(run, pictures).items()
        }
        seconds = interleaved(contenders, ROUNDS)
    medians = {name: statistics.median(seconds[name]) for name in TARGETS}
    reached = [
        (f"{name} at most {bound} s: {medians[name]:.2f}", medians[name] <= bound)
        for name, bound in TARGETS.items()
    ]
    return section(
        f"Commands that do not train ({ROUNDS} rounds, whole processes, all extras installed)",
        timings(seconds, "`--help`"),
        targets(*reached),
    )


if __name__ == "__main__":
    print(main())
