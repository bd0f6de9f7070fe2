"""One run = one directory, owned by one process until its status says how it ended."""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fmclust.errors import Interrupted, UserError
from fmclust.runs.files import (
    full_disk_as_user_error,
    is_temporary,
    refuse_links,
    remove_temporaries,
    write_text,
)
from fmclust.runs.layout import LAST_CHECKPOINT, LOCK
from fmclust.runs.manifest import MANIFEST, is_done
from fmclust.runs.reading import read_status
from fmclust.runs.run import Run

log = logging.getLogger(__name__)
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def how_to_go_on(directory: Path) -> str:
    """Name the last checkpoint of a run, if there is one, and the command that goes on."""
    checkpoint = directory / LAST_CHECKPOINT
    kept = f"Last checkpoint: {checkpoint}. " if checkpoint.exists() else ""
    return f"{kept}To go on, type: python -m fmclust.resume {shlex.quote(f'run={directory}')}"


@dataclass(frozen=True)
class Advice:
    """What to type after a run that did not end well, as functions of its directory.

    Attributes:
        stopped: After a stop, an error or a full disk.
        failed: After a stage failed, where all else is there.
    """

    stopped: Callable[[Path], str] = how_to_go_on
    failed: Callable[[Path], str] = how_to_go_on


@contextmanager
def claim(
    directory: Path, *, config: str, overrides: str, advice: Advice | None = None
) -> Iterator[Run]:
    """Take an empty directory for a run and write into its status how the block ends.

    Args:
        directory: Made if it does not exist. Nothing may be in it but this same configuration,
            left by a process that was killed at once.
        config: The composed configuration as YAML.
        overrides: What was typed, as YAML.
        advice: What to type after a run that did not end well; None: `resume`.

    Raises:
        UserError: If the directory is not empty or another process owns it; nothing in it is
            touched then.
    """
    advice, begun = advice or Advice(), {"config.yaml": config, "overrides.yaml": overrides}
    directory.mkdir(parents=True, exist_ok=True)
    _require_free(directory, begun)  # before a lock file is written there
    with locked(directory), full_disk_as_user_error(directory, advice.stopped):
        _require_free(directory, begun)
        for name, text in begun.items():
            write_text(directory / name, text)
        with _working_on(Run(directory), advice) as run:
            yield run


@contextmanager
def reopen(
    directory: Path,
    *,
    changes: Sequence[str] = (),
    even_done: bool = False,
    advice: Advice | None = None,
) -> Iterator[Run]:
    """Take the directory of a run that was stopped or failed, to go on with it.

    Args:
        directory: The run directory.
        changes: What was typed to change the configuration; it is among the run's warnings.
        even_done: Whether a finished run may be taken, to add to it.
        advice: What to type after a run that did not end well; None: `resume`.

    Raises:
        UserError: If there is no such run, it is finished, or another process owns it.
    """
    advice = advice or Advice()
    if not directory.is_dir():
        raise UserError(f"{directory} is no run directory: it does not exist.")
    with locked(directory), full_disk_as_user_error(directory, advice.stopped):
        status = read_status(directory)
        if status is None:
            raise UserError(
                f"{directory} is no run directory: it has no status.json. If it was stopped as it "
                "began, type its command again."
            )
        if is_done(status) and not even_done:
            raise UserError(f"{directory} is finished: there is nothing to go on with.")
        refuse_links(directory)
        remove_temporaries(directory)
        (directory / MANIFEST).unlink(missing_ok=True)  # what it covers is made once more
        run = Run.resumed(directory, status)
        if changes:
            run.facts["changes"] = [*run.facts.get("changes", ()), " ".join(changes)]
        with _working_on(run, advice):
            for change in run.facts.get("changes", ()):
                run.warn(f"typed later than the run's command: {change}")
            yield run


def _require_free(directory: Path, begun: Mapping[str, str]) -> None:
    """Refuse a directory that holds more than files of these names and texts, or just begun."""
    texts = {directory / name: text.encode() for name, text in begun.items()}
    for path in directory.iterdir():
        is_ours = path.name == LOCK or is_temporary(path)
        if not is_ours and not (path in texts and path.read_bytes() == texts[path]):
            raise UserError(
                f"{directory} is not empty, and a run never writes over another: "
                "type hydra.run.dir=<a new directory>."
            )


@contextmanager
def join(directory: Path) -> Iterator[Run]:
    """Yield the run of a directory that rank zero owns; this process only reads it."""
    yield Run(directory)


@contextmanager
def _working_on(run: Run, advice: Advice) -> Iterator[Run]:
    """Log into the run's directory, and write into its status how the block ends."""
    run.write_status("running")
    with _logging_to(run.directory / "train.log"):
        try:
            yield run
            run.finish(advice.failed)
        except KeyboardInterrupt as stop:
            run.end("stopped", str(stop) or "interrupted from the keyboard")
            raise Interrupted(f"Stopped. {advice.stopped(run.directory)}") from None
        except SystemExit as stop:
            run.end("stopped", f"exit status {stop.code}")
            raise
        except UserError as error:
            run.end("failed", str(error))
            raise
        except BaseException as error:
            run.end("failed", f"{type(error).__name__}: {error}")
            raise


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a lock that the system releases even when the process is killed.

    Raises:
        UserError: If another process holds it.
    """
    lock = FileLock(directory / LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, FileNotFoundError):
        raise UserError(
            f"{directory} belongs to a run that is going on: type hydra.run.dir=<a new directory>."
        ) from None
    except NotImplementedError:
        log.warning("%s is on a file system without locks: let one process work there.", directory)
    try:
        yield
    finally:
        lock.release()


class _LogFile(logging.FileHandler):
    """A log file that is left incomplete on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # logging's name
        pass


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Log everything of fmclust's into a file as well."""
    handler = _LogFile(path, encoding="utf-8")
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
