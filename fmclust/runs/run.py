"""Write into the run directory that this process owns."""

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
from fmclust.runs.layout import ASSIGNMENTS, CLUSTERINGS_FILE, FORMAT, STATUS
from fmclust.runs.manifest import write_manifest
from fmclust.runs.reading import read_clusterings

log = logging.getLogger(__name__)
TOTAL_TIME = "time/total"


@dataclass
class Run:
    """The run that this process owns, and the facts that it writes about it.

    Attributes:
        directory: The run directory.
        metrics: Name to number, for metrics.json.
        warnings: Sentences for status.json.
        facts: Other entries of status.json, such as versions, device and images.
        failures: Stages that failed without ending the run, with the reasons.
        failed_stage: The stage in which the run failed; None if it did not fail.
        wants_figures: Whether to draw figures.
        report: Writes the page of the run into its directory, after all other files.
        begun: Value of `time.perf_counter` at the beginning of the run; for a resumed run,
            earlier by the duration of its earlier parts.
    """

    directory: Path
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed_stage: str | None = None
    wants_figures: bool = True
    report: Callable[[Path], object] | None = None
    begun: float = field(default_factory=time.perf_counter)

    @classmethod
    def resumed(cls, directory: Path, status: Mapping[str, Any]) -> "Run":
        """Return a run that continues an earlier one, with the facts and times of its status."""
        times = dict(status.get("times") or {})
        begun = time.perf_counter() - times.pop(TOTAL_TIME, 0.0)
        own = ("status", "reason", "stage", "times", "warnings")
        facts = {key: value for key, value in status.items() if key not in own}
        return cls(directory, metrics=times, facts=facts, begun=begun)

    @contextmanager
    def in_stage(self, stage: str) -> Iterator[None]:
        """Name the stage of a block; if it fails, status.json names the innermost stage."""
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
        """Log the error of a block and continue, unless the disk is full.

        Args:
            text: Beginning of the warning; says what is missing.
            stage: Stage that fails, if the run has to end as failed; None if a warning is enough.
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
        """Add a warning to status.json and the log, once."""
        if text not in self.warnings:
            self.warnings.append(text)
            log.warning(text)

    def write_metrics(self) -> None:
        """Write metrics.json; a number that is not finite is left out with a warning."""
        for name in [name for name, value in self.metrics.items() if not math.isfinite(value)]:
            self.warn(f"{name} is {self.metrics.pop(name)}: left out of metrics.json")
        write_json(self.directory / "metrics.json", self.metrics)

    def write_latents(self, latents: Mapping[str, np.ndarray]) -> None:
        """Write latents.npz: split to float32 array of shape (N, d)."""
        with replacing(self.directory / "latents.npz") as partial:
            np.savez(partial, **dict(latents))  # type: ignore[arg-type]

    def remove_clusterings(self) -> None:
        """Remove the clusterings of an earlier attempt."""
        for name in read_clusterings(self.directory):
            for path in self.directory.glob(f"figures/{escape(name)}_*.png"):
                path.unlink()
        for path in self.directory.glob("figures/latents_*.png"):  # coloured by the clusters
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
        """Return the text that `write_status` writes."""
        times = {name: v for name, v in self.metrics.items() if name.startswith("time/")}
        return json_text(
            {
                "format": FORMAT,
                **self.facts,
                "status": status,
                "reason": reason,
                "stage": stage,
                "warnings": self.warnings,
                "times": times | {TOTAL_TIME: time.perf_counter() - self.begun},
            }
        )

    def end(self, status: str, reason: str) -> None:
        """Write the reason and the stage of an early end, unless the disk is full."""
        log.debug(reason, exc_info=True)  # with the traceback, in train.log only
        with suppress(OSError):
            if self.facts.get("trained"):  # the `cluster` command continues from them
                self.write_metrics()
            self.write_status(status, reason, self.failed_stage)

    def finish(self, advise: Callable[[Path], str]) -> None:
        """Write the metrics, the page, the manifest and the status at the end of a run.

        Raises:
            UserError: If a stage failed; the results of the others have been written.
        """
        self.metrics[TOTAL_TIME] = time.perf_counter() - self.begun
        self.write_metrics()
        self.write_status("running")  # with all facts, for the page
        if self.report is not None:
            with self.attempt("report.html is missing"):
                self.report(self.directory)
        if self.failures:
            write_manifest(self.directory, coming={})
            reasons = "; ".join(reason.removesuffix(".") for _, reason in self.failures)
            self.failed_stage = self.failures[0][0]
            raise UserError(f"{reasons}. {advise(self.directory)}".strip())
        text = self.status_text("done")
        write_manifest(self.directory, coming={STATUS: text})
        write_text(self.directory / STATUS, text)
