"""The jobs of a sweep, or other runs, with the settings that were typed for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf

from fmclust import runs
from fmclust.errors import UserError, one_line

SPLITS = ("test", "all", "val", "train", "latents")  # the first that a job has is shown
OBJECTIVE = "objective"  # column of the number that a sweep minimizes


@dataclass(frozen=True)
class Job:
    """One job of a sweep, or any other run.

    Attributes:
        directory: Its run directory.
        settings: The overrides: key to value as text.
        status: `done`, `failed`, `stopped`, `running` or `not started`.
        reason: Why it is not done.
        metrics: As in metrics.json, with `objective`, and those of later clusterings; empty if it
            is not done.
        objective: Name of the metric that is the objective.
        warnings: The warnings of the run.
        clusterings: Name of each clustering to the splits that it has scores of.
        is_damaged: Whether its files can't be read; the reason says why.
    """

    directory: Path
    settings: dict[str, str]
    status: str
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    objective: str = ""
    warnings: tuple[str, ...] = ()
    clusterings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_damaged: bool = False

    @classmethod
    def read(cls, directory: Path, overrides: Sequence[str] | None = None) -> "Job":
        """Read a run directory, which need not exist yet.

        Args:
            directory: The run directory.
            overrides: The overrides of the job; None reads them from the run directory.
        """
        settings: dict[str, str] = {}
        try:
            typed = runs.read_overrides(directory) if overrides is None else overrides
            settings = settings_of(typed)
            status = runs.read_status(directory) or {"status": "not started", "reason": None}
            job = cls(directory, settings, status["status"], status["reason"] or "")
            if job.status != "done":
                return job
            metrics, clusterings = read_scores(directory)
            name = status.get("objective", "")
            if name in metrics:
                metrics[OBJECTIVE] = metrics[name]
            warnings = tuple(status["warnings"])
            return replace(
                job, metrics=metrics, objective=name, warnings=warnings, clusterings=clusterings
            )
        except (UserError, HydraException) as error:
            return cls(directory, settings, "failed", one_line(error), is_damaged=True)

    def remarks(self) -> str:
        """Return its reason and its warnings, if there are any."""
        return "; ".join(filter(None, (self.reason, *self.warnings)))

    def shown_split(self, clusterer: str) -> str:
        """Return the split whose scores are shown; empty without labels."""
        scored = self.clusterings.get(clusterer, ())
        return next((split for split in SPLITS if split in scored), "")


def read_scores(directory: Path) -> tuple[dict[str, float], dict[str, tuple[str, ...]]]:
    """Return the metrics of a run and its later clusterings, and the scored splits of each.

    Args:
        directory: The run directory, or that of a later clustering.

    Returns:
        Name to number, and name of each clustering to the splits that it has scores of.
    """
    metrics, clusterings = runs.read_metrics(directory), {}
    for name, folder in runs.clustered_in(directory).items():
        own = runs.read_metrics(folder)
        metrics |= {key: value for key, value in own.items() if key.startswith(f"{name}/")}
        clusterings[name] = tuple(runs.read_clusterings(folder)[name]["matchings"])
    return metrics, clusterings


def settings_of(overrides: Sequence[str]) -> dict[str, str]:
    """Return key to value of overrides; equal values are equal texts, however they were typed."""
    settings = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        value = "" if override.is_delete() else override.value()
        settings[override.get_key_element()] = _text(value)
    return settings


def _text(value: Any) -> str:
    """Return a value as it would be typed, without quotes."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | ListConfig):
        return "[" + ",".join(map(_text, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return each key to its last parts, as few as no other key ends with, for headings."""
    endings = {key: [key.split(".", n)[-1] for n in range(key.count("."), -1, -1)] for key in keys}
    counts = Counter(ending for found in endings.values() for ending in found)
    return {
        key: next((ending for ending in found if counts[ending] == 1), key)
        for key, found in endings.items()
    }


def typed_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the keys that were typed for any job."""
    return list(dict.fromkeys(key for job in jobs for key in job.settings))


def swept_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the keys whose typed values differ from job to job."""
    return [key for key in typed_keys(jobs) if len({job.settings.get(key) for job in jobs}) > 1]


def varied_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the swept keys without the seed."""
    return [key for key in swept_keys(jobs) if key != "seed"]


def without_repeats(jobs: Sequence[Job]) -> list[Job]:
    """Return the first of all jobs with the same settings, seed and clusterers."""
    first: dict[object, Job] = {}
    for job in jobs:
        first.setdefault((frozenset(job.settings.items()), *job.clusterings), job)
    return list(first.values())


def filled_in(jobs: Sequence[Job]) -> list[Job]:
    """Return jobs with a value for every key typed for any of them, from their configurations."""
    keys = typed_keys(jobs)
    return [_filled_in(job, keys) if job.status == "done" else job for job in jobs]


def _filled_in(job: Job, keys: Sequence[str]) -> Job:
    missing = [key for key in keys if key not in job.settings]
    if not missing:
        return job
    config = runs.read_config(job.directory)
    return replace(job, settings=job.settings | {k: _configured(config, k) for k in missing})


def _configured(config: DictConfig, key: str) -> str:
    value = OmegaConf.select(config, key.lstrip("+~"), default="")
    if key == "cluster":
        return _text([*value]) if len(value) > 1 else "".join(value)
    if isinstance(value, DictConfig):  # an option of a group
        return str(value.get("name") or "default")
    return _text(value)


def job_frame(jobs: Sequence[Job]) -> pd.DataFrame:
    """Return a row for each job: status, remarks, what was typed, and all metrics, times last."""
    keys, names = typed_keys(jobs), dict.fromkeys(name for job in jobs for name in job.metrics)
    metrics = sorted(names, key=lambda name: name.startswith("time/"))
    rows = [
        {"job": job.directory.name, "status": job.status, "remarks": job.remarks()}
        | job.settings
        | job.metrics
        for job in jobs
    ]
    return pd.DataFrame(rows, columns=["job", "status", "remarks", *keys, *metrics])
