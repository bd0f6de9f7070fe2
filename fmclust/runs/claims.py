"""A run directory belongs to one process until its status says how the run ended."""

import errno
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import Interrupted, UserError
from fmclust.runs.environment import note_environment
from fmclust.runs.files import (
    full_disk_as_user_error,
    is_temporary,
    refuse_links,
    remove_temporaries,
    write_text,
)
from fmclust.runs.layout import IMAGES_FILE, LOCK, STATUS, UNREADABLE
from fmclust.runs.manifest import MANIFEST, is_done
from fmclust.runs.reading import read_status
from fmclust.runs.run import Run

log = logging.getLogger(__name__)
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
LOG_FILE = "train.log"
EVENTS = "events.out.*"  # of TensorBoard
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Advice:
    """What to type after a run that did not succeed, as functions of its directory.

    Attributes:
        stopped: After a stop, an error or a full disk.
        failed: After a stage failed but the others succeeded.
    """

    stopped: Callable[[Path], str]
    failed: Callable[[Path], str]


@contextmanager
def claim(
    directory: Path, config: DictConfig, overrides: Sequence[str], advice: Advice
) -> Iterator[Run]:
    """Take an empty directory for a run and write into its status how the block ends.

    Args:
        directory: Created if it does not exist. It may hold this same configuration, left by a
            process that was killed at the beginning, or a run that failed without a result.
        config: The composed configuration.
        overrides: The overrides as typed.
        advice: What to type after a run that did not succeed.

    Raises:
        UserError: If the directory is not empty or another process owns it; it is not changed
            then.
    """
    first_files = {
        "config.yaml": OmegaConf.to_yaml(config, resolve=True),
        "overrides.yaml": OmegaConf.to_yaml(list(overrides)),
    }
    directory.mkdir(parents=True, exist_ok=True)
    _require_free(directory, first_files)  # before a lock file is written there
    with locked(directory) as warning, full_disk_as_user_error(directory, advice.stopped):
        _require_free(directory, first_files)
        for path in directory.glob(EVENTS):  # TensorBoard would show both attempts as one run
            path.unlink()
        for name, text in first_files.items():
            write_text(directory / name, text)
        with _working_on(Run(directory), advice, warning) as run:
            yield run


@contextmanager
def reopen(
    directory: Path, advice: Advice, *, changes: Sequence[str] = (), even_done: bool = False
) -> Iterator[Run]:
    """Take the directory of a run that was stopped or failed, to continue it.

    Args:
        directory: The run directory.
        advice: What to type after a run that did not succeed.
        changes: Overrides that change the configuration; they are noted as a warning of the run.
        even_done: Whether to take a finished run as well, to add to it.

    Raises:
        UserError: If the run has no status or is finished, or another process owns it.
    """
    with (
        locked(directory, "wait until it ends") as warning,
        full_disk_as_user_error(directory, advice.stopped),
    ):
        status = read_status(directory)
        if status is None:
            raise UserError(
                f"{directory} is not a run directory: it has no status.json. If the run was "
                "stopped as it began, type its command again."
            )
        if is_done(status) and not even_done:
            raise UserError(f"{directory} is finished: there is nothing to resume.")
        refuse_links(directory)
        remove_temporaries(directory)
        (directory / MANIFEST).unlink(missing_ok=True)  # the files that it covers will change
        run = Run.resumed(directory, status)
        if changes:
            run.facts["changes"] = [*run.facts.get("changes", ()), " ".join(changes)]
        with _working_on(run, advice, warning):
            for change in run.facts.get("changes", ()):
                run.warn(f"typed later than the run's command: {change}")
            yield run


def _require_free(directory: Path, allowed: Mapping[str, str]) -> None:
    """Refuse a directory that holds other files than `allowed`: name to text."""
    if _holds_no_result(directory):
        return
    texts = {directory / name: text.encode() for name, text in allowed.items()}
    for path in directory.iterdir():
        is_ours = path.name in (LOCK, IMAGES_FILE) or is_temporary(path)
        if not is_ours and not (path in texts and path.read_bytes() == texts[path]):
            raise UserError(
                f"{directory} is not empty, and a run never writes over another: "
                "type hydra.run.dir=<a new directory>."
            )


def _holds_no_result(directory: Path) -> bool:
    """Return whether a directory holds a run that failed without a checkpoint or a figure."""
    names = {path.name for path in directory.iterdir() if not path.is_symlink()}
    names -= {path.name for path in directory.glob(EVENTS)}
    made = {STATUS, "config.yaml", "overrides.yaml", LOG_FILE, LOCK, UNREADABLE}
    if STATUS not in names or names - made:
        return False
    with suppress(UserError):
        return (read_status(directory) or {}).get("status") == "failed"
    return False


@contextmanager
def _working_on(run: Run, advice: Advice, warning: str | None) -> Iterator[Run]:
    """Log into the run's directory, and write into its status how the block ends.

    Args:
        run: The run; its directory is locked.
        advice: What to type after a run that did not succeed.
        warning: The warning of `locked`, if there is one.
    """
    note_environment(run.facts)
    run.write_status("running")
    with _logging_to(run.directory / LOG_FILE):
        try:
            if warning is not None:
                run.warnings.append(warning)
            yield run
            run.finish(advice.failed)
        except KeyboardInterrupt as stop:
            run.end("stopped", str(stop) or "interrupted from the keyboard")
            raise Interrupted(f"Stopped. {advice.stopped(run.directory)}") from None
        except SystemExit as stop:
            run.end("stopped", f"exit status {stop.code}")
            raise
        except BaseException as error:
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            run.end("failed", f"{kind}{error}")
            raise


@contextmanager
def locked(
    directory: Path, cure: str = "type hydra.run.dir=<a new directory>"
) -> Iterator[str | None]:
    """Hold a lock that the operating system releases even if the process is killed.

    Args:
        directory: The directory that one process at a time may use.
        cure: What to do if another process holds it.

    Yields:
        A warning if the file system has no locks, else None.

    Raises:
        UserError: If another process holds it.
    """
    lock, warning = FileLock(directory / LOCK, timeout=0), None
    try:
        with warnings.catch_warnings(record=True) as caught:  # filelock uses a marker file instead
            warnings.simplefilter("always")
            lock.acquire()
        has_locks = not any("flock" in str(found.message) for found in caught)
    except (Timeout, FileNotFoundError):
        raise UserError(f"{directory} is in use by another process: {cure}.") from None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        has_locks = False
    if not has_locks:
        warning = f"{directory} is on a file system without locks: use one process at a time"
        log.warning(warning)
    try:
        yield warning
    finally:
        lock.release()


class _LogFile(logging.FileHandler):
    """A log file that ignores errors of writing, for example on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # logging's name
        pass


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write all log messages of fmclust into a file as well."""
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
