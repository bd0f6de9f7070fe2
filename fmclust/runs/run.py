"""What a process writes into the run directory that it owns."""

import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.errors import UserError, is_disk_full, one_line
from fmclust.runs.files import json_text, replacing, write_json, write_text
from fmclust.runs.layout import ASSIGNMENTS, CLUSTERINGS_FILE, FORMAT
from fmclust.runs.manifest import STATUS, write_manifest
from fmclust.runs.reading import read_clusterings

log = logging.getLogger(__name__)
TOTAL_TIME = "time/total"


@dataclass
class Run:
    """The run that this process owns, and what it writes about it.

    Attributes:
        directory: The run directory.
        metrics: Name to number, for metrics.json.
        warnings: Sentences for status.json.
        facts: What else status.json says: versions, device, images.
        failures: Stages that failed while the run went on, with the reason.
        failed_stage: The stage that the run fails in, once it does.
        wants_figures: Whether anything is drawn.
        report: Makes the run's page from its directory, once all else is written.
        earlier_seconds: How long the earlier parts of a resumed run took.
    """

    directory: Path
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed_stage: str | None = None
    wants_figures: bool = True
    report: Callable[[Path], object] | None = None
    earlier_seconds: float = 0.0
    _begun: float = field(default_factory=time.perf_counter)

    @classmethod
    def resumed(cls, directory: Path, status: Mapping[str, Any]) -> "Run":
        """Return a run that goes on, with the facts and times that its status holds."""
        times = dict(status.get("times") or {})
        earlier = times.pop(TOTAL_TIME, 0.0)
        own = ("status", "reason", "stage", "times", "warnings")
        facts = {key: value for key, value in status.items() if key not in own}
        return cls(directory, metrics=times, facts=facts, earlier_seconds=earlier)

    @contextmanager
    def in_stage(self, stage: str) -> Iterator[None]:
        """Name the stage of a block; if it fails, status.json has the innermost name."""
        try:
            yield
        except BaseException:
            self.failed_stage = self.failed_stage or stage
            raise

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the wall time of a block to `time/<stage>`, in seconds; see `in_stage`."""
        start = time.perf_counter()
        try:
            with self.in_stage(stage):
                yield
        finally:
            name = f"time/{stage}"
            self.metrics[name] = self.metrics.get(name, 0.0) + time.perf_counter() - start

    @contextmanager
    def attempt(self, text: str, *, stage: str | None = None) -> Iterator[None]:
        """Go on if a block fails, unless the disk is full; train.log has the traceback.

        Args:
            text: What is missing then, as the beginning of a sentence: a warning.
            stage: The stage that failed, if the run is to end as failed, with all that it has.
        """
        try:
            yield
        except Exception as error:
            if is_disk_full(error):
                raise
            reason = f"{text}: {one_line(error) or type(error).__name__}"
            log.debug(reason, exc_info=True)
            self.failed_stage = None
            if stage is None:
                self.warn(reason)
            else:
                self.failures.append((stage, reason))

    def warn(self, text: str) -> None:
        """Note a warning for status.json and the log."""
        self.warnings.append(text)
        log.warning(text)

    def write_metrics(self) -> None:
        """Write metrics.json; a number that is not finite becomes a warning instead."""
        for name in [name for name, value in self.metrics.items() if not math.isfinite(value)]:
            self.warn(f"{name} is {self.metrics.pop(name)}: left out of metrics.json")
        write_json(self.directory / "metrics.json", self.metrics)

    def write_latents(self, latents: Mapping[str, np.ndarray]) -> None:
        """Write latents.npz: split to float32 array of shape (N, d)."""
        with replacing(self.directory / "latents.npz") as partial:
            np.savez(partial, **dict(latents))  # type: ignore[arg-type]

    def remove_clusterings(self) -> None:
        """Remove the clusterings that the run has from an earlier attempt."""
        for name in read_clusterings(self.directory):
            for path in self.directory.glob(f"figures/{escape(name)}_*.png"):
                path.unlink()
        shutil.rmtree(self.directory / "clusterers", ignore_errors=True)
        for file in (ASSIGNMENTS, CLUSTERINGS_FILE):
            (self.directory / file).unlink(missing_ok=True)

    def write_status(
        self, status: str, reason: str | None = None, stage: str | None = None
    ) -> None:
        """Write status.json: `running`, `done`, `failed` or `stopped`, with reason and stage."""
        write_text(self.directory / STATUS, self.status_text(status, reason, stage))

    def status_text(self, status: str, reason: str | None = None, stage: str | None = None) -> str:
        """Return what `write_status` writes."""
        times = {name: v for name, v in self.metrics.items() if name.startswith("time/")}
        return json_text(
            {
                "format": FORMAT,
                **self.facts,
                "status": status,
                "reason": reason,
                "stage": stage,
                "warnings": self.warnings,
                "times": times | {TOTAL_TIME: self._total_seconds()},
            }
        )

    def end(self, status: str, reason: str) -> None:
        """Write the reason and the stage of an early end, unless the disk is full."""
        log.debug(reason, exc_info=True)  # train.log alone has the traceback
        with suppress(OSError):
            if self.facts.get("trained"):  # what `cluster` goes on from
                self.write_metrics()
            self.write_status(status, reason, self.failed_stage)

    def finish(self, advise: Callable[[Path], str]) -> None:
        """Write metrics, page, manifest and status of a run whose block has ended.

        Raises:
            UserError: If a stage failed; the results of the others are written.
        """
        self.metrics[TOTAL_TIME] = self._total_seconds()
        self.write_metrics()
        self.write_status("running")  # with all facts, for the page
        if self.report is not None:
            with self.attempt("report.html is missing"):
                self.report(self.directory)
        if self.failures:
            write_manifest(self.directory, coming={})
            reasons = "; ".join(reason for _, reason in self.failures)
            self.failed_stage = self.failures[0][0]
            raise UserError(f"{reasons} {advise(self.directory)}".strip())
        text = self.status_text("done")
        write_manifest(self.directory, coming={STATUS: text})
        write_text(self.directory / STATUS, text)

    def _total_seconds(self) -> float:
        return self.earlier_seconds + time.perf_counter() - self._begun
