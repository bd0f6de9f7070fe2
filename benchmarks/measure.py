"""Measuring side by side: what is compared runs in turn, so that a slow minute slows all alike."""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping

from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import Optimizer

from fmclust.models.networks import Network
from fmclust.models.pixels import scale
from fmclust.runs import environment


def machine() -> str:
    """Says what the numbers were measured on."""
    facts = environment()
    versions = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    cpu = f"{os.cpu_count()} cores of {facts['cpu']}, {facts['threads']} threads"
    return f"{cpu}, {facts['gpu'] or 'no GPU'}; Python {facts['python']}, {versions}"


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


def bare_epoch(network: Network, optimizer: Optimizer, batches: Iterable[Tensor]) -> float:
    """Trains on uint8 batches with nothing around it; returns the seconds."""
    start = time.perf_counter()
    for batch in batches:
        images = scale(batch)
        loss = mse_loss(network.decode(network.encode(images)), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loss.item()  # waits for a GPU
    return time.perf_counter() - start
