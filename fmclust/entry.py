"""The edge where people type: from a command line to a checked configuration and back."""

import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fmclust.config import conf_directory, register_schema
from fmclust.errors import DISK_FULL, Interrupted, UserError, complain, one_line
from fmclust.guard import guard_hydra
from fmclust.mistakes import explain
from fmclust.watch import SweepWatch

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
FAILED_JOBS, INTERRUPTED = 1, 130  # exit statuses, beside that of a mistake


def command(config_name: str, task: Callable[[DictConfig], float | None]) -> Callable[[], None]:
    """Makes a command of a task: a Hydra application whose users' mistakes are one line.

    Args:
        config_name: Name of the file in `conf/`.
        task: What to do with the composed configuration; returns a sweep's objective.
    """

    def forgiving(config: DictConfig) -> float | None:
        try:
            return task(config)
        except (UserError, OmegaConfBaseException) as error:  # Hydra would add lines of its own
            text = str(error) if isinstance(error, UserError) else explain(error, config_name)
            sys.exit(complain(text))

    forgiving.__module__ = task.__module__
    register_schema()
    guard_hydra()
    application = hydra.main(
        config_path=str(conf_directory()), config_name=config_name, version_base="1.3"
    )(forgiving)

    def main() -> None:
        if {"-h", "--help"} & set(sys.argv[1:]):
            print(help_text(task.__name__))
            return
        if mistyped := [a for a in sys.argv[1:] if a.startswith("--") and not is_hydras(a)]:
            sys.exit(complain(f"{mistyped[0]} is no flag: type {mistyped[0].lstrip('-')}."))
        # Hydra's parser takes no override after a flag that stands between overrides.
        sys.argv[1:] = sorted(map(quote_path, sys.argv[1:]), key=lambda a: not is_flag(a))
        os.environ["HYDRA_FULL_ERROR"] = "1"  # it hands on exceptions rather than printing them
        threading.excepthook = quiet_on_a_full_disk
        status = 0
        try:
            application()
        except Interrupted as stop:
            status = complain(str(stop), INTERRUPTED)
        except KeyboardInterrupt:
            status = complain("Stopped.", INTERRUPTED)
        except UserError as error:
            status = complain(str(error))
        except (HydraException, OmegaConfBaseException) as error:
            status = complain(explain(error, config_name))
        except ValueError as error:
            if not str(error).startswith("Config group override"):  # Hydra's, of group=null
                raise
            status = complain(f"{one_line(error)}.")
        except OSError as error:
            if error.strerror is None:  # not the system's
                raise
            status = complain(f"{error.filename or Path.cwd()}: {error.strerror}.")
        try:
            if not SweepWatch.finish():
                status = status or FAILED_JOBS
        except UserError as error:
            status = complain(str(error))
        sys.exit(status)

    return main


def help_text(name: str) -> str:
    """Returns what `--help` of a command says: Hydra would compose every group of `conf/` first."""
    return OmegaConf.load(conf_directory() / "hydra" / "help" / f"{name}.yaml").template


def quiet_on_a_full_disk(thread: threading.ExceptHookArgs) -> None:
    """Leaves it to the main thread to say that the disk is full: TensorBoard's says it too."""
    error = thread.exc_value
    if not (isinstance(error, OSError) and error.errno in DISK_FULL):
        threading.__excepthook__(thread)


def is_hydras(argument: str) -> bool:
    """Whether a flag is one that Hydra's parser knows, or a beginning of one."""
    name = argument.partition("=")[0]
    return any(flag.startswith(name) for flag in get_args_parser()._option_string_actions)


def is_flag(argument: str) -> bool:
    """Whether an argument is a flag of Hydra's that needs no other behind it."""
    return argument in MULTIRUN or (argument.startswith("--") and "=" in argument)


def quote_path(argument: str) -> str:
    """Quotes the value of a key that takes a path, so that Hydra reads it as it is typed."""
    key, equals, value = argument.partition("=")
    is_path = equals and key.lstrip("+") in PATH_KEYS
    if not is_path or re.fullmatch(r"'.*'|\".*\"|null|\?\?\?|", value):
        return argument
    # In Hydra's quotes a backslash counts only before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + (m[2] and r"\'"), value)
    return f"{key}='{escaped}'"
