"""The edge where people type: from a command line to a checked configuration and back."""

import logging
import sys
from collections.abc import Callable

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fmclust.config import conf_directory, register_schema
from fmclust.errors import UserError


def command(config_name: str, task: Callable[[DictConfig], float]) -> Callable[[], None]:
    """Makes a command of a task: a Hydra application whose users' mistakes are one line.

    Args:
        config_name: Name of the file in `conf/`.
        task: What to do with the composed configuration; returns a sweep's objective.
    """

    def forgiving(config: DictConfig) -> float:
        try:
            return task(config)
        except UserError as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # one job must not end the others
            logging.getLogger("fmclust").debug("refused", exc_info=True)
            print(f"fmclust: {error}", file=sys.stderr)
            sys.exit(2)

    forgiving.__module__ = task.__module__
    register_schema()
    return hydra.main(
        config_path=str(conf_directory()), config_name=config_name, version_base="1.3"
    )(forgiving)
