"""One run = one directory, owned by one process from claim to status `done`."""

import fcntl
import logging
import math
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fmclust.errors import Interrupted, UserError
from fmclust.runs.files import (
    is_temporary,
    json_text,
    refuse_links,
    remove_temporaries,
    replacing,
    telling_of_a_full_disk,
    write_json,
    write_text,
)
from fmclust.runs.layout import LAST_CHECKPOINT
from fmclust.runs.manifest import MANIFEST, STATUS, write_manifest
from fmclust.runs.reading import read_status

log = logging.getLogger(__name__)
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass
class Run:
    """A run directory that this process owns, and what it will say of the run.

    Attributes:
        directory: The run directory.
        metrics: Name to number, for metrics.json.
        warnings: Text for status.json.
        facts: What else status.json says: versions, device, threads.
        objective: The number that a sweep minimizes.
        wants_figures: Whether anything is drawn.
        report: Makes the run's page from its directory, once all else is written.
    """

    directory: Path
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    objective: float | None = None
    wants_figures: bool = True
    report: Callable[[Path], object] | None = None

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the wall time of a block to `time/<stage>`, in seconds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            name = f"time/{stage}"
            self.metrics[name] = self.metrics.get(name, 0.0) + time.perf_counter() - start

    def warn(self, text: str) -> None:
        """Notes a warning for status.json and the log."""
        self.warnings.append(text)
        log.warning(text)

    def write_metrics(self) -> None:
        """Writes metrics.json; a number that is not finite becomes a warning instead."""
        for name in [name for name, value in self.metrics.items() if not math.isfinite(value)]:
            self.warn(f"{name} is {self.metrics.pop(name)}: left out of metrics.json")
        write_json(self.directory / "metrics.json", self.metrics)

    def write_latents(self, latents: Mapping[str, np.ndarray]) -> None:
        """Writes latents.npz: split to float32 array of shape (N, d)."""
        with replacing(self.directory / "latents.npz") as partial:
            np.savez(partial, **dict(latents))  # type: ignore[arg-type]

    def write_status(self, status: str, reason: str | None = None) -> None:
        """Writes status.json: `running`, `done`, `failed` or `stopped`, with the reason."""
        write_text(self.directory / STATUS, self.status_text(status, reason))

    def status_text(self, status: str, reason: str | None = None) -> str:
        """Returns what `write_status` writes."""
        own = {"status": status, "reason": reason}
        return json_text(
            {**self.facts, **own, "warnings": self.warnings, "objective": self.objective}
        )


@contextmanager
def claim(
    directory: Path, *, config: str, overrides: str, advise: Callable[[Path], str] | None = None
) -> Iterator[Run]:
    """Takes an empty directory for a run and keeps its status true, whatever happens inside.

    Args:
        directory: Made if it does not exist. Nothing may be in it but this same configuration,
            left by a process that was killed at once.
        config: The composed configuration as YAML.
        overrides: What was typed, as YAML.
        advise: Says how to go on after a stop, if not by `resume`.

    Raises:
        UserError: If the directory is not empty or another process owns it; nothing in it is
            touched then.
    """
    advise = advise or how_to_go_on
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory), telling_of_a_full_disk(directory, advise):
        begun = {"config.yaml": config, "overrides.yaml": overrides}
        if not _is_free(directory, begun):
            raise UserError(
                f"{directory} is not empty, and a run never writes over another: "
                "type hydra.run.dir=<a new directory>."
            )
        for name, text in begun.items():
            write_text(directory / name, text)
        with _working_on(Run(directory), advise) as run:
            yield run


@contextmanager
def reopen(directory: Path) -> Iterator[Run]:
    """Takes the directory of a run that was stopped or failed, to go on with it.

    Raises:
        UserError: If there is no such run, it is finished, or another process owns it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} is no run directory: it does not exist.")
    with locked(directory), telling_of_a_full_disk(directory, how_to_go_on):
        status = read_status(directory)
        if status is None:
            raise UserError(
                f"{directory} is no run directory: it has no status.json. If it was stopped as it "
                "began, type its command again."
            )
        if status["status"] == "done":
            raise UserError(f"{directory} is finished: there is nothing to go on with.")
        refuse_links(directory)
        remove_temporaries(directory)
        (directory / MANIFEST).unlink(missing_ok=True)  # what it covers is made once more
        with _working_on(Run(directory, facts=status), how_to_go_on) as run:
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
def _working_on(run: Run, advise: Callable[[Path], str]) -> Iterator[Run]:
    run.write_status("running")
    with _logging_to(run.directory / "train.log"), _keeping_status(run, advise):
        with run.timed("total"):
            yield run
        run.write_metrics()
        write_manifest(run.directory, coming={STATUS: run.status_text("done")})
        if run.report is not None:
            run.write_status("running")  # with all facts
            run.report(run.directory)
        run.write_status("done")


@contextmanager
def _keeping_status(run: Run, advise: Callable[[Path], str]) -> Iterator[None]:
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
    """Writes why a run ended early, as far as the disk lets it."""
    log.debug(reason, exc_info=True)  # train.log alone has the traceback
    with suppress(OSError):
        run.write_status(status, reason)


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
