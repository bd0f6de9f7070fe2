"""Command-line entry point around Hydra."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fmclust.config.help import help_text
from fmclust.config.mistakes import HYDRA_FLAGS, explain, explain_null
from fmclust.config.output import keep_output
from fmclust.config.schema import conf_directory, register_schema
from fmclust.errors import (
    TRACEBACK,
    Interrupted,
    UserError,
    complain,
    is_disk_full,
)

PATH_KEYS = (
    "run",
    "runs",
    "input",
    "output",
    "latents",
    "sort_into",
    "data.root",
    "data.cache",
    "data.labels",
    "data.exclude",
    "model.weights",
    "hydra.run.dir",
    "hydra.sweep.dir",
)
QUOTED_KEYS = (*PATH_KEYS, "spark.master")  # their values take any characters
MULTIRUN = ("-m", "--multirun")
FULL_ERROR = "HYDRA_FULL_ERROR"  # environment variable: if "1", Hydra raises errors
WAIT_POLICY, SPIN_COUNT = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"  # of OpenMP, and GNU's
MAX_SPINS = "1000"  # of a waiting thread; GNU's default is 300,000, some milliseconds
FAILED_JOBS, INTERRUPTED = 1, 130  # exit statuses; that of a user's mistake is in errors.py


def command(
    config_name: str,
    task: Callable[[DictConfig], float | None],
    *,
    finish: Callable[[], bool] = lambda: True,
) -> Callable[[], None]:
    """Turn a task into a command: a Hydra application that reports users' mistakes in one line.

    Args:
        config_name: Name of the file in `conf/`.
        task: Function of the composed configuration; returns the objective of a sweep.
        finish: Called at the end, also after an error; returns whether all jobs are done.
    """

    def task_or_exit(config: DictConfig) -> float | None:
        with one_line_errors(config_name):  # Hydra would print more lines
            complete_paths(config)
            return task(config)

    task_or_exit.__module__ = task.__module__

    def main() -> None:
        keep_output()
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(help_text(task.__name__))
            return
        prepare_arguments()
        set_environment()
        threading.excepthook = quiet_on_a_full_disk
        register_schema()
        application = hydra.main(
            config_path=str(conf_directory()), config_name=config_name, version_base="1.3"
        )(task_or_exit)
        with one_line_errors(config_name):
            try:
                application()
            finally:
                all_done = finish()
        sys.exit(0 if all_done else FAILED_JOBS)

    return main


def prepare_arguments() -> None:
    """Refuse flags that Hydra does not know; quote paths and move flags to the front."""
    for argument in sys.argv[1:]:
        name = argument.partition("=")[0]  # argparse accepts the beginning of a flag
        if name.startswith("--") and not any(flag.startswith(name) for flag in HYDRA_FLAGS):
            sys.exit(complain(f"{argument} is not a flag: type {argument.lstrip('-')}."))
    is_sweep = bool({*MULTIRUN, "hydra.mode=MULTIRUN"} & set(sys.argv))
    quoted = (quote_path(argument, is_sweep=is_sweep) for argument in sys.argv[1:])
    # Hydra's parser refuses overrides after a flag that follows other overrides. A flag whose
    # value is an argument of its own stays where it is.
    sys.argv[1:] = sorted(
        quoted, key=lambda a: a not in MULTIRUN and not (a.startswith("--") and "=" in a)
    )


def set_environment() -> None:
    """Set the environment variables that Hydra, matplotlib and `complain` read.

    Hydra raises errors instead of printing them. Figures are drawn into files only; a notebook's
    backend, which the shell of a cell inherits, may not be installed here. OpenMP's threads stop
    spinning sooner than by default, since they would take the cores from other jobs.
    """
    typed = any(re.fullmatch(r"\+*traceback=(true|yes|on|1)", a, re.I) for a in sys.argv)
    os.environ[TRACEBACK] = str(int(typed or os.environ.get(FULL_ERROR) == "1"))
    os.environ[FULL_ERROR] = "1"
    os.environ["MPLBACKEND"] = "agg"
    if not {WAIT_POLICY, SPIN_COUNT} & os.environ.keys():  # read when torch is imported
        os.environ[SPIN_COUNT] = MAX_SPINS


def complete_paths(config: DictConfig) -> None:
    """Expand `~` in the paths of a configuration, which files of the user's may have set.

    With `hydra.job.chdir=true` the job works in its own directory, and relative paths are completed
    from the directory where the command was typed.
    """
    hydra_config = HydraConfig.get()
    start = hydra_config.runtime.cwd if hydra_config.job.chdir else ""
    for key in PATH_KEYS:
        value = None if key.startswith("hydra.") else OmegaConf.select(config, key)
        if isinstance(value, str) and "://" not in value:
            path = os.path.join(start, expanded(value))  # noqa: PTH118 # keeps a trailing slash
            OmegaConf.update(config, key, path)


@contextmanager
def one_line_errors(config_name: str) -> Iterator[None]:
    """Report an interrupt or a user's mistake in one line and exit; other errors pass."""
    try:
        yield
    except KeyboardInterrupt as stop:
        text = str(stop) if isinstance(stop, Interrupted) else "Stopped."
        sys.exit(complain(text, INTERRUPTED))
    except (UserError, HydraException, OmegaConfBaseException, ValueError, OSError) as error:
        if (explained := _explained(error, config_name)) is None:
            raise
        sys.exit(complain(explained, error=error))


def _explained(error: Exception, config_name: str) -> str | None:
    """Return a user's mistake in one line, or None for a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error, config_name)
    if isinstance(error, OSError):
        if error.strerror is None:  # raised by a library, not by the operating system
            return None
        return f"{error.filename or Path.cwd()}: {error.strerror}."
    return explain_null(error, config_name) if isinstance(error, ValueError) else None


def quiet_on_a_full_disk(thread: threading.ExceptHookArgs) -> None:
    """Suppress the traceback of a full disk in a thread: the main thread reports it in one line."""
    if thread.exc_value is None or not is_disk_full(thread.exc_value):
        threading.__excepthook__(thread)


def quote_path(argument: str, *, is_sweep: bool = False) -> str:
    """Quote the value of a key that takes a path, so that Hydra does not interpret it.

    Args:
        argument: One argument of the command line; `~` at the beginning of a path is expanded.
        is_sweep: Whether a comma separates values; otherwise it is part of the path.
    """
    key, equals, value = argument.partition("=")
    is_path = equals and key.lstrip("+") in QUOTED_KEYS
    if is_path and (quoted := re.fullmatch(r"(['\"])(~.*)\1", value)):
        return f"{key}={_quoted(quoted[2])}"
    is_list = key.endswith("data.exclude") and re.fullmatch(r"\[.*\]", value)
    if not is_path or is_list or re.fullmatch(r"'.*'|\".*\"|null|\?\?\?|", value):
        return argument
    paths = value.split(",") if is_sweep and not key.startswith("hydra.") else [value]
    return f"{key}={','.join(map(_quoted, paths))}"


def expanded(path: str) -> str:
    """Return a path with `~` at its beginning replaced by the home directory, if there is one."""
    return os.path.expanduser(path)  # noqa: PTH111 # Path.expanduser fails if ~x is a folder


def _quoted(path: str) -> str:
    # Within quotes Hydra reads a backslash as an escape only before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + (m[2] and r"\'"), expanded(path))
    return f"'{escaped}'"
