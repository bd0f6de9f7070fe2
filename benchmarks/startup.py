"""How long a command takes before it does anything: `python -m benchmarks.startup`."""

import subprocess
import sys
import time

from benchmarks.measure import interleaved, machine, table

ROUNDS = 5
COMMANDS = {
    "`--help`": ["-m", "fmclust.train", "--help"],
    "`--cfg job`": ["-m", "fmclust.train", "--cfg", "job"],
    "`import fmclust`": ["-c", "import fmclust"],
    "python itself": ["-c", "pass"],
}


def seconds_of(arguments: list[str]) -> float:
    """Returns the wall time of a process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> str:
    """Measures; returns the section of the results."""
    contenders = {name: lambda a=a: seconds_of(a) for name, a in COMMANDS.items()}
    seconds = interleaved(contenders, ROUNDS)
    title = f"## Start-up ({ROUNDS} rounds, extras `dev` and `sweep` installed)"
    return f"{title}\n\n{machine()}\n\n{table(seconds, '`--help`')}\n"


if __name__ == "__main__":
    print(main())
