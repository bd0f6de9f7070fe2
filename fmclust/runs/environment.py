"""Versions, processor and threads of a run, which affect the last digits of its results."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fmclust import __version__

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "scikit-learn", "numpy")


def environment() -> dict[str, Any]:
    """Return versions, processor, threads and the GPU, if there is one."""
    import torch  # slow, and not needed to read a run directory

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "packages": {"fmclust": __version__} | {name: version(name) for name in PACKAGES},
        "cpu": _cpu_model(),
        "gpu": gpu,
        "threads": torch.get_num_threads(),
    }


def note_environment(facts: dict[str, Any]) -> None:
    """Add the environment of this process to the facts of a run, unless it is already there."""
    environments = facts.setdefault("environments", [])
    if (here := environment()) not in environments:
        environments.append(here)


def machine() -> str:
    """Return the environment as one line, for tables of results."""
    facts = environment()
    versions = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    cpu = f"{os.cpu_count()} cores of {facts['cpu']}, {facts['threads']} threads"
    return f"{cpu}, {facts['gpu'] or 'no GPU'}; Python {facts['python']}, {versions}"


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
