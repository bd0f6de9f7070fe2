"""Command-line entry point around Hydra."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from fmclust.config.help import help_text
from fmclust.config.mistakes import explain
from fmclust.config.schema import conf_directory, register_schema
from fmclust.errors import (
    TRACEBACK,
    Interrupted,
    UserError,
    complain,
    is_disk_full,
    one_line,
)

PATH_KEYS = (
    "run",
    "runs",
    "input",
    "output",
    "data.root",
    "data.cache",
    "hydra.run.dir",
    "hydra.sweep.dir",
)
MULTIRUN = ("-m", "--multirun")
FULL_ERROR = "HYDRA_FULL_ERROR"  # environment variable: Hydra prints no error itself
# Hydra's flags that begin with --, as of 1.3.
HYDRA_FLAGS = (
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run"),
    *("--multirun", "--shell-completion", "--config-path", "--config-name", "--config-dir"),
    *("--experimental-rerun", "--info"),
)
FAILED_JOBS, INTERRUPTED = 1, 130  # exit statuses, beside that of a mistake


def command(
    config_name: str,
    task: Callable[[DictConfig], float | None],
    *,
    finish: Callable[[], bool] = lambda: True,
) -> Callable[[], None]:
    """Make a command of a task: a Hydra application whose users' mistakes are one line.

    Args:
        config_name: Name of the file in `conf/`.
        task: What to do with the composed configuration; returns a sweep's objective.
        finish: Called at the end, also after an error; returns whether all jobs are done.
    """

    def forgiving(config: DictConfig) -> float | None:
        try:
            return task(config)
        except (UserError, OmegaConfBaseException) as error:  # Hydra would add lines of its own
            text = str(error) if isinstance(error, UserError) else explain(error, config_name)
            sys.exit(complain(text, error=error))

    forgiving.__module__ = task.__module__

    def main() -> None:
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(help_text(task.__name__))
            return
        if mistyped := [a for a in sys.argv[1:] if a.startswith("--") and not is_hydras(a)]:
            sys.exit(complain(f"{mistyped[0]} is no flag: type {mistyped[0].lstrip('-')}."))
        is_sweep = bool({*MULTIRUN, "hydra.mode=MULTIRUN"} & set(sys.argv))
        quoted = (quote_path(argument, is_sweep=is_sweep) for argument in sys.argv[1:])
        # Hydra's parser takes no override after a flag that stands between overrides.
        sys.argv[1:] = sorted(quoted, key=lambda argument: not is_flag(argument))
        threading.excepthook = quiet_on_a_full_disk
        register_schema()
        application = hydra.main(
            config_path=str(conf_directory()), config_name=config_name, version_base="1.3"
        )(forgiving)
        with _environment():
            status = _run(application, config_name)
            try:
                if not finish():
                    status = status or FAILED_JOBS
            except UserError as error:
                status = complain(str(error), error=error)
        sys.exit(status)

    return main


@contextmanager
def _environment() -> Iterator[None]:
    """Have Hydra hand on exceptions, and tracebacks printed where they are asked for."""
    before = {name: os.environ.get(name) for name in (FULL_ERROR, TRACEBACK)}
    typed = any(re.fullmatch(r"\+*traceback=(true|yes|on|1)", a, re.I) for a in sys.argv)
    os.environ[TRACEBACK] = str(int(typed or before[FULL_ERROR] == "1"))
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _run(application: Callable[[], object], config_name: str) -> int:
    """Run a Hydra application; return the exit status, a mistake being said in one line."""
    try:
        application()
        return 0
    except Interrupted as stop:
        return complain(str(stop), INTERRUPTED)
    except KeyboardInterrupt:
        return complain("Stopped.", INTERRUPTED)
    except (UserError, HydraException, OmegaConfBaseException, ValueError, OSError) as error:
        text = _explained(error, config_name)
        if text is None:
            raise
        return complain(text, error=error)


def _explained(error: Exception, config_name: str) -> str | None:
    """Return a user's mistake in one line; None for an error of the program's."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error, config_name)
    if isinstance(error, OSError):
        if error.strerror is None:  # not the system's
            return None
        return f"{error.filename or Path.cwd()}: {error.strerror}."
    is_groups = str(error).startswith("Config group override")  # Hydra's, of group=null
    return f"{one_line(error)}." if is_groups else None


def quiet_on_a_full_disk(thread: threading.ExceptHookArgs) -> None:
    """Print no traceback of a thread whose disk is full: the main thread says so in one line."""
    if thread.exc_value is None or not is_disk_full(thread.exc_value):
        threading.__excepthook__(thread)


def is_hydras(argument: str) -> bool:
    """Whether a flag is one that Hydra's parser knows, or a beginning of one."""
    return any(flag.startswith(argument.partition("=")[0]) for flag in HYDRA_FLAGS)


def is_flag(argument: str) -> bool:
    """Whether an argument is a flag of Hydra's that needs no other behind it."""
    return argument in MULTIRUN or (argument.startswith("--") and "=" in argument)


def quote_path(argument: str, *, is_sweep: bool = False) -> str:
    """Quote the value of a key that takes a path, so that Hydra reads it as it is typed.

    Args:
        argument: One argument of the command line; `~` at the beginning of a path is expanded.
        is_sweep: Whether a comma separates values rather than being part of a path.
    """
    key, equals, value = argument.partition("=")
    is_path = equals and key.lstrip("+") in PATH_KEYS
    if not is_path or re.fullmatch(r"'.*'|\".*\"|null|\?\?\?|", value):
        return argument
    several = is_sweep and not key.startswith("hydra.")
    paths = value.split(",") if several else [value]
    return f"{key}={','.join(map(_quoted, paths))}"


def _quoted(path: str) -> str:
    expanded = os.path.expanduser(path)  # noqa: PTH111 # Path's fails where ~x is a folder
    # In Hydra's quotes a backslash counts only before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + (m[2] and r"\'"), expanded)
    return f"'{escaped}'"
