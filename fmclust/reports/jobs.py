"""Jobs of a sweep, or other runs, by what was typed for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from fmclust import runs
from fmclust.errors import UserError
from fmclust.metrics import SCORES

SPLITS = ("test", "all", "val", "train")  # the one to show first
OBJECTIVE = "objective"  # column of the number that a sweep minimizes


@dataclass(frozen=True)
class Job:
    """One job of a sweep, or any other run.

    Attributes:
        directory: Its run directory.
        settings: What was overridden: key to value as text.
        status: `done`, `failed`, `stopped`, `running` or `not started`.
        reason: Why it is not done.
        warnings: What is doubtful about its results.
        metrics: As in metrics.json, with `objective`, and those of later clusterings; empty if it
            is not done.
        objective: Which of the metrics the objective is.
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
        """Read a run directory, which may not be there yet.

        Args:
            directory: The run directory.
            overrides: What was typed for it; None: what it says itself.
        """
        settings: dict[str, str] = {}
        try:
            typed = runs.read_overrides(directory) if overrides is None else overrides
            settings = {key: value for key, _, value in (text.partition("=") for text in typed)}
            status = runs.read_status(directory) or {"status": "not started", "reason": None}
            job = cls(directory, settings, status["status"], status["reason"] or "")
            return job._finished(status) if job.status == "done" else job
        except UserError as error:
            return cls(directory, settings, "failed", str(error), is_damaged=True)

    def _finished(self, status: dict[str, Any]) -> "Job":
        metrics = runs.read_metrics(self.directory)
        clusterings = {}
        for name, folder in runs.clustered_in(self.directory).items():
            own = runs.read_metrics(folder)
            metrics |= {key: own[key] for key in own if key.startswith(f"{name}/")}
            clusterings[name] = tuple(runs.read_clusterings(folder)[name]["matchings"])
        name = status.get("objective", "")
        return replace(
            self,
            metrics=metrics | ({OBJECTIVE: metrics[name]} if name in metrics else {}),
            objective=name,
            warnings=tuple(status["warnings"]),
            clusterings=clusterings,
        )

    def remarks(self) -> str:
        """Return its reason and its warnings, as far as there are any."""
        return "; ".join(filter(None, (self.reason, *self.warnings)))

    def shown_split(self, clusterer: str) -> str:
        """Return the split that scores are shown of; empty without labels."""
        scored = self.clusterings.get(clusterer, ())
        return next((split for split in SPLITS if split in scored), "")


def short(key: str) -> str:
    """Return the last part of a key, as it heads a column or names a line."""
    return key.rpartition(".")[2]


def typed_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the keys that were typed for any job."""
    return list(dict.fromkeys(key for job in jobs for key in job.settings))


def swept_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the keys whose typed values differ from job to job."""
    return [key for key in typed_keys(jobs) if len({job.settings.get(key) for job in jobs}) > 1]


def varied_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the swept keys without the seed."""
    return [key for key in swept_keys(jobs) if key != "seed"]


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
    value = OmegaConf.select(config, key.lstrip("+~"), default={})
    return "default" if isinstance(value, DictConfig) else str(value)  # an option of a group


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


def score_frame(jobs: Sequence[Job], keys: Sequence[str]) -> pd.DataFrame:
    """Return mean, sd and number of seeds of every score, over jobs with the same settings.

    Args:
        jobs: The finished ones.
        keys: The settings that tell groups of jobs apart.

    Returns:
        Columns: the keys, `clusterer`, `split`, `is_shown`, `panel`, `mean`, `std` and `count`; the
        objective has an empty clusterer and split.
    """
    rows: list[dict[str, Any]] = []
    for job in jobs:
        settings = {key: job.settings.get(key, "") for key in keys}
        for name, splits in job.clusterings.items():
            shown = job.shown_split(name)
            rows += [
                {**settings, "clusterer": name, "split": split, "is_shown": split == shown}
                | {"panel": score, "value": job.metrics[f"{name}/{split}/{score}"]}
                for score in SCORES
                for split in splits
            ]
        if OBJECTIVE in job.metrics:
            value = job.metrics[OBJECTIVE]
            rows.append(
                {**settings, "clusterer": "", "split": "", "is_shown": True}
                | {"panel": OBJECTIVE, "value": value}
            )
    by = [*keys, "clusterer", "split", "is_shown", "panel"]
    frame = pd.DataFrame(rows, columns=[*by, "value"])
    return frame.groupby(by, sort=False)["value"].agg(["mean", "std", "count"]).reset_index()
