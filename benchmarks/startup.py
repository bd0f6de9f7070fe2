"""How long a command takes before it does anything: `python -m benchmarks.startup`."""

import statistics

from benchmarks.measure import interleaved, run_python, section, targets, timings

ROUNDS = 5
COMMANDS = {
    "`--help`": ["-m", "fmclust.train", "--help"],
    "`--cfg job`": ["-m", "fmclust.train", "--cfg", "job"],
    "`import fmclust`": ["-c", "import fmclust"],
    "python itself": ["-c", "pass"],
}


def main() -> str:
    """Measure; return the section of the results."""
    contenders = {name: lambda a=a: run_python(a).seconds for name, a in COMMANDS.items()}
    seconds = interleaved(contenders, ROUNDS)
    help_, package = (statistics.median(seconds[n]) for n in ("`--help`", "`import fmclust`"))
    return section(
        f"Start-up ({ROUNDS} rounds, all extras installed)",
        timings(seconds, "`--help`"),
        targets(
            (f"`--help` at most 0.6 s: {help_:.2f}", help_ <= 0.6),
            (f"`import fmclust` at most 0.1 s: {package:.2f}", package <= 0.1),
        ),
    )


if __name__ == "__main__":
    print(main())
