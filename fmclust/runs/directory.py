"""One run = one directory, owned by one process from claim to status `done`."""

import fcntl
import logging
import math
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.errors import Interrupted, UserError, is_disk_full, one_line
from fmclust.runs.files import (
    full_disk_as_user_error,
    is_temporary,
    json_text,
    refuse_links,
    remove_temporaries,
    replacing,
    write_json,
    write_text,
)
from fmclust.runs.layout import ASSIGNMENTS, CLUSTERINGS_FILE, FORMAT, LAST_CHECKPOINT
from fmclust.runs.manifest import MANIFEST, STATUS, write_manifest
from fmclust.runs.reading import read_clusterings, read_status

log = logging.getLogger(__name__)
Advise = Callable[[Path], str]  # run directory to a sentence that says what to type
TOTAL_TIME = "time/total"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass
class Run:
    """A run directory that this process owns, and what it will say of the run.

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
        """Take over what the earlier parts of a run have noted in its status."""
        times = dict(status.get("times") or {})
        earlier = times.pop(TOTAL_TIME, 0.0)
        own = ("status", "reason", "stage", "times", "warnings")
        facts = {key: value for key, value in status.items() if key not in own}
        return cls(directory, metrics=times, facts=facts, earlier_seconds=earlier)

    @contextmanager
    def in_stage(self, stage: str) -> Iterator[None]:
        """Name a block, for the status of a run that ends in it; the innermost name counts."""
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
        """Let the run go on if a block fails, unless the disk is full; train.log has the traceback.

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
        """Remove what an earlier part of the run made of its latents."""
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

    def finish(self, advise: Advise) -> None:
        """Write metrics, page, manifest and status of a run that came to its end.

        Raises:
            UserError: If a stage failed; what the others made is written, and is of use.
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


@contextmanager
def claim(
    directory: Path,
    *,
    config: str,
    overrides: str,
    advise: Advise | None = None,
    advise_failed: Advise | None = None,
) -> Iterator[Run]:
    """Takes an empty directory for a run and keeps its status true, whatever happens inside.

    Args:
        directory: Made if it does not exist. Nothing may be in it but this same configuration,
            left by a process that was killed at once.
        config: The composed configuration as YAML.
        overrides: What was typed, as YAML.
        advise: Says how to go on after a stop, if not by `resume`.
        advise_failed: Says how to go on when a stage has failed and the rest is there.

    Raises:
        UserError: If the directory is not empty or another process owns it; nothing in it is
            touched then.
    """
    advise = advise or how_to_go_on
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory), full_disk_as_user_error(directory, advise):
        begun = {"config.yaml": config, "overrides.yaml": overrides}
        if not _is_free(directory, begun):
            raise UserError(
                f"{directory} is not empty, and a run never writes over another: "
                "type hydra.run.dir=<a new directory>."
            )
        for name, text in begun.items():
            write_text(directory / name, text)
        with _working_on(Run(directory), advise, advise_failed or advise) as run:
            yield run


@contextmanager
def reopen(
    directory: Path,
    *,
    changes: Sequence[str] = (),
    even_done: bool = False,
    advise: Advise | None = None,
    advise_failed: Advise | None = None,
) -> Iterator[Run]:
    """Take the directory of a run that was stopped or failed, to go on with it.

    Args:
        directory: The run directory.
        changes: What was typed to change the configuration; it is among the run's warnings.
        even_done: Whether a finished run may be taken, to add to it.
        advise: Says how to go on after a stop, if not by `resume`.
        advise_failed: Says how to go on when a stage has failed and the rest is there.

    Raises:
        UserError: If there is no such run, it is finished, or another process owns it.
    """
    advise = advise or how_to_go_on
    if not directory.is_dir():
        raise UserError(f"{directory} is no run directory: it does not exist.")
    with locked(directory), full_disk_as_user_error(directory, advise):
        status = read_status(directory)
        if status is None:
            raise UserError(
                f"{directory} is no run directory: it has no status.json. If it was stopped as it "
                "began, type its command again."
            )
        if status["status"] == "done" and not even_done:
            raise UserError(f"{directory} is finished: there is nothing to go on with.")
        refuse_links(directory)
        remove_temporaries(directory)
        (directory / MANIFEST).unlink(missing_ok=True)  # what it covers is made once more
        run = Run.resumed(directory, status)
        if changes:
            run.facts["changes"] = [*run.facts.get("changes", ()), " ".join(changes)]
        with _working_on(run, advise, advise_failed or advise):
            for change in run.facts.get("changes", ()):
                run.warn(f"typed later than the run's command: {change}")
            yield run


def _is_free(directory: Path, begun: Mapping[str, str]) -> bool:
    """Whether nothing is there but files of these names and texts, whole or just begun."""
    texts = {directory / name: text for name, text in begun.items()}
    return all(
        is_temporary(path) or (path in texts and path.read_bytes() == texts[path].encode())
        for path in directory.iterdir()
    )


@contextmanager
def join(directory: Path) -> Iterator[Run]:
    """Gives the run of a directory that rank zero owns, to another process, which only reads."""
    yield Run(directory)


@contextmanager
def _working_on(run: Run, advise: Advise, advise_failed: Advise) -> Iterator[Run]:
    run.write_status("running")
    with _logging_to(run.directory / "train.log"), _keeping_status(run, advise):
        yield run
        run.finish(advise_failed)


@contextmanager
def _keeping_status(run: Run, advise: Advise) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        _note(run, "stopped", str(stop) or "interrupted from the keyboard")
        raise Interrupted(f"Stopped. {advise(run.directory)}") from None
    except SystemExit as stop:
        _note(run, "stopped", f"exit status {stop.code}")
        raise
    except UserError as error:
        _note(run, "failed", str(error))
        raise
    except BaseException as error:
        _note(run, "failed", f"{type(error).__name__}: {error}")
        raise


def how_to_go_on(directory: Path) -> str:
    """Names the last checkpoint of a run, if there is one, and the command that goes on."""
    checkpoint = directory / LAST_CHECKPOINT
    kept = f"Last checkpoint: {checkpoint}. " if checkpoint.exists() else ""
    return f"{kept}To go on, type: python -m fmclust.resume {shlex.quote(f'run={directory}')}"


def _note(run: Run, status: str, reason: str) -> None:
    """Write why and in which stage a run ended early, as far as the disk lets it."""
    log.debug(reason, exc_info=True)  # train.log alone has the traceback
    with suppress(OSError):
        if run.facts.get("trained"):  # what `cluster` goes on from
            run.write_metrics()
        run.write_status(status, reason, run.failed_stage)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds a lock that the system releases even when the process is killed.

    Raises:
        UserError: If another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), os.stat(directory)):
            raise BlockingIOError  # its last owner has removed it, another has made it anew
    except (BlockingIOError, FileNotFoundError):
        os.close(descriptor)
        raise UserError(
            f"{directory} belongs to a run that is going on: type hydra.run.dir=<a new directory>."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.handleError = lambda record: None  # type: ignore[method-assign] # the disk is full
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    root, ours = logging.getLogger(), logging.getLogger("fmclust")
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        with suppress(OSError):
            handler.close()
