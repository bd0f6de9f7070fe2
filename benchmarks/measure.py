"""Measure commands and functions in turn, so that a slow minute affects all of them alike."""

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmclust.reports.markdown import table
from fmclust.runs import machine

RESULTS = Path(__file__).parent / "RESULTS.md"


@dataclass(frozen=True)
class Process:
    """Time, memory and output of a finished process.

    Attributes:
        seconds: Wall time, start of the interpreter included.
        peak: The most memory that was resident, in bytes.
        output: Its standard output.
        start: When it was started, in seconds since 1970.
    """

    seconds: float
    peak: int
    output: str
    start: float


# Linux counts a parent's memory as a child's peak, so a small process stands between.
WRAPPER = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def run_python(arguments: Sequence[str]) -> Process:
    """Run the interpreter of this environment with some arguments; exit if it fails."""
    start, clock = time.time(), time.perf_counter()
    command = [sys.executable, "-S", "-c", WRAPPER, sys.executable, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - clock
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit status {done.returncode}")
    output, _, peak = done.stdout.rstrip().rpartition("\n")
    return Process(seconds, int(peak) * 1024, output, start)


def train(directory: Path, *typed: str) -> tuple[Process, dict[str, float]]:
    """Run the train command; return the process and its metrics.json."""
    process = run_python(["-m", "fmclust.train", *typed, f"hydra.run.dir={directory}"])
    return process, json.loads((directory / "metrics.json").read_text())


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Run contenders A B A B ...; if several rounds count, one before them warms up.

    Args:
        contenders: Name to a function that returns its own seconds.
        rounds: How often each is counted.

    Returns:
        Name to seconds of every round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    first = 0 if rounds > 1 else 1  # round 0 is not counted
    for number in range(first, rounds + 1):
        for name, contender in contenders.items():
            took = contender()
            print(f"  round {number}: {name} {took:.2f} s", flush=True)
            if number:
                seconds[name].append(took)
    return seconds


def timings(seconds: Mapping[str, list[float]], reference: str) -> str:
    """Format seconds as Markdown: min, median, max, and each median over the reference's."""
    base = statistics.median(seconds[reference])
    rows = []
    for name, values in seconds.items():
        median = statistics.median(values)
        rows.append(
            [name, *(f"{v:.2f}" for v in (min(values), median, max(values), median / base))]
        )
    return table(["", "min s", "median s", "max s", "times the reference"], rows)


def targets(*reached: tuple[str, bool]) -> str:
    """Format targets: each with its number, its bound, and whether it was reached."""
    return "\n".join(f"- {text}: {'reached' if met else 'not reached'}" for text, met in reached)


def section(title: str, *parts: str) -> str:
    """Return a section of the results, with the machine that it was measured on."""
    return "\n\n".join([f"## {title}", machine(), *parts]) + "\n"


def replace_section(path: Path, text: str) -> None:
    """Replace the section of a file of results that has the same title, or add it at the end."""
    head, *parts = re.split(r"^(?=## )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {part.partition("\n")[0]: part for part in (*parts, text)}
    sections = (part.rstrip() + "\n" for part in (head, *found.values()))
    path.write_text("\n".join(sections), encoding="utf-8")
