"""Two jobs at once on one machine, each with all threads: `python -m benchmarks.sharing`."""

import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure import interleaved, section, targets, timings, train

ROUNDS, EPOCHS, BOUND = 3, 3, 1.7


def jobs(n: int) -> float:
    """Run some jobs at once; return the seconds until the last has ended."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(n) as pool:
        typed = ("model=convae", "cluster=gmm", f"trainer.max_epochs={EPOCHS}")
        ended = pool.map(lambda number: train(Path(folder) / str(number), *typed), range(n))
        return max(process.seconds for process, _ in ended)


def main() -> str:
    """Measure; return the section of the results."""
    contenders = {"one job": lambda: jobs(1), "two jobs at once": lambda: jobs(2)}
    seconds = interleaved(contenders, ROUNDS)
    one, two = map(statistics.median, seconds.values())
    return section(
        f"Jobs that share a machine ({EPOCHS} epochs, all threads each, {ROUNDS} rounds)",
        timings(seconds, "one job"),
        targets((f"two at most {BOUND} x as long as one: {two / one:.2f} x", two <= BOUND * one)),
    )


if __name__ == "__main__":
    print(main())
