"""Measuring side by side: what is compared runs in turn, so that a slow minute slows all alike."""

import platform
import statistics
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import torch

LIBRARIES = ("torch", "torchvision", "pytorch-lightning", "scikit-learn", "numpy")


def machine() -> str:
    """Says what the numbers were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    cpu = f"{len(names) or '?'} cores of {names[0] if names else platform.processor()}"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = platform.python_version()
    return f"{cpu}, {torch.get_num_threads()} threads, {gpu}; Python {python}, {versions}"


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Runs contenders A B A B ... after one round that is not counted.

    Args:
        contenders: Name to what returns its own seconds.
        rounds: How often each is counted.

    Returns:
        Name to seconds of every round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            took = contender()
            print(f"  round {number}: {name} {took:.2f} s", flush=True)
            if number:
                seconds[name].append(took)
    return seconds


def table(seconds: Mapping[str, list[float]], reference: str) -> str:
    """Formats seconds as Markdown: min, median, max, and each median over the reference's."""
    base = statistics.median(seconds[reference])
    rows = ["| | min s | median s | max s | times the reference |", "|---|--:|--:|--:|--:|"]
    for name, values in seconds.items():
        median = statistics.median(values)
        numbers = " | ".join(f"{value:.2f}" for value in (min(values), median, max(values)))
        rows.append(f"| {name} | {numbers} | {median / base:.2f} |")
    return "\n".join(rows)
