"""Jobs of a sweep, or other runs, by what was typed for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError
from fmclust.runs import (
    clustered_in,
    read_clusterings,
    read_config,
    read_metrics,
    read_overrides,
    read_status,
)

SPLITS = ("test", "val", "train", "all")


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        directory: Its run directory.
        settings: What was overridden: key to value as text.
        status: `done`, `failed`, `stopped`, `running` or `not started`.
        reason: Why it is not done.
        warnings: What is doubtful about its results.
        metrics: As in metrics.json, with `objective`, and those of later clusterings; empty if it
            is not done.
        objective_name: Which of the metrics the objective is.
        clusterings: Name of each clustering to the splits that it has scores of.
        is_damaged: Whether its files can't be read; the reason says why.
    """

    directory: Path
    settings: dict[str, str]
    status: str
    reason: str
    metrics: dict[str, float] = field(default_factory=dict)
    objective_name: str = ""
    warnings: tuple[str, ...] = ()
    clusterings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_damaged: bool = False

    @classmethod
    def read(cls, directory: Path, overrides: Sequence[str]) -> "Job":
        """Reads the run directory of a job; it may not be there yet."""
        parts = (override.partition("=") for override in overrides)
        settings = {key: value for key, _, value in parts}
        metrics: dict[str, float] = {}
        clusterings: dict[str, tuple[str, ...]] = {}
        is_damaged = False
        try:
            status = read_status(directory) or {"status": "not started", "reason": None}
            if status["status"] == "done":
                metrics = read_metrics(directory) | {"objective": status["objective"]}
                for name, folder in clustered_in(directory).items():
                    if folder != directory:
                        own = read_metrics(folder)
                        metrics |= {key: own[key] for key in own if key.startswith(f"{name}/")}
                    clusterings[name] = tuple(read_clusterings(folder)[name]["matchings"])
        except UserError as error:
            status, is_damaged = {"status": "failed", "reason": str(error)}, True
        return cls(
            directory,
            settings,
            status["status"],
            status["reason"] or "",
            metrics,
            status.get("objective_name", ""),
            tuple(status.get("warnings", ())),
            clusterings,
            is_damaged,
        )

    def remarks(self) -> str:
        """Returns its reason and its warnings, as far as there are any."""
        return "; ".join(filter(None, (self.reason, *self.warnings)))

    def clusterers(self) -> list[str]:
        """Returns the names of its clusterers; none if it is not done."""
        return list(self.clusterings)


def read_job(directory: Path) -> Job:
    """Read a run directory as the job that its own overrides made; see `Job.read`."""
    try:
        overrides = read_overrides(directory)
    except UserError as error:
        return Job(directory, {}, "failed", str(error), is_damaged=True)
    return Job.read(directory, overrides)


@dataclass(frozen=True)
class Group:
    """Jobs that differ in nothing but their seed.

    Attributes:
        settings: What was swept, but for the seed: key to value as text.
        jobs: The finished ones.
    """

    settings: dict[str, str]
    jobs: list[Job]

    def values(self, metric: str) -> list[float]:
        """Returns a number of every job that has it."""
        return [job.metrics[metric] for job in self.jobs if metric in job.metrics]

    def clusterers(self) -> list[str]:
        """Returns the names of all that clustered in its jobs."""
        return list(dict.fromkeys(name for job in self.jobs for name in job.clusterers()))

    def shown_split(self, clusterer: str) -> str:
        """Returns the split that scores are shown of; empty without labels."""
        scored = {split for job in self.jobs for split in job.clusterings.get(clusterer, ())}
        return next((split for split in SPLITS if split in scored), "")


def group_by_settings(jobs: Sequence[Job]) -> list[Group]:
    """Groups jobs by what was swept, leaving the seed aside."""
    swept = swept_keys(jobs)
    groups: dict[tuple[str, ...], Group] = {}
    for job in jobs:
        settings = {key: job.settings.get(key, "") for key in swept if key != "seed"}
        group = groups.setdefault(tuple(settings.values()), Group(settings, []))
        if job.status == "done":
            group.jobs.append(job)
    return list(groups.values())


def short(key: str) -> str:
    """Returns the last part of a key, as it heads a column or names a line."""
    return key.rpartition(".")[2]


def told(settings: Mapping[str, str], *, but: str) -> str:
    """Returns settings as text, all but one of them."""
    return " ".join(f"{short(key)}={value}" for key, value in settings.items() if key != but)


def swept_keys(jobs: Sequence[Job]) -> list[str]:
    """Returns what was not typed alike for all jobs."""
    return [key for key in typed_keys(jobs) if len({job.settings.get(key) for job in jobs}) > 1]


def typed_keys(jobs: Sequence[Job]) -> list[str]:
    """Returns what was typed for any job."""
    return list(dict.fromkeys(key for job in jobs for key in job.settings))


def filled_in(jobs: Sequence[Job]) -> list[Job]:
    """Adds to finished jobs what was typed for others only, as their configurations have it."""
    keys = typed_keys(jobs)
    return [_filled_in(job, keys) if job.status == "done" else job for job in jobs]


def _filled_in(job: Job, keys: Sequence[str]) -> Job:
    missing = [key for key in keys if key not in job.settings]
    if not missing:
        return job
    config = read_config(job.directory)
    return replace(job, settings=job.settings | {k: _configured(config, k) for k in missing})


def _configured(config: DictConfig, key: str) -> str:
    value = OmegaConf.select(config, key.lstrip("+~"), default={})
    return "default" if isinstance(value, DictConfig) else str(value)  # an option of a group
