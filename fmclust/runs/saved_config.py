"""Read the configuration and the overrides of a run as plain values."""

import re
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, reading
from fmclust.runs.manifest import verified
from fmclust.trust import VARIABLE, leaves, own_packages

# Groups that write files; keys and values that could make them write outside of the run.
WRITING = ("callbacks", "logger", "trainer")
PLACE = re.compile(r"dir$|path$|ur[il]$|dir\.|path\.")
ELSEWHERE = re.compile(r"\.\.|\$|^[/~]")
LIGHTNING = "pytorch_lightning"
LOGGERS = ("fmclust.", f"{LIGHTNING}.loggers.CSVLogger", f"{LIGHTNING}.loggers.TensorBoardLogger")


def read_config(directory: Path) -> DictConfig:
    """Return the configuration of a run.

    Raises:
        UserError: If there is none, or if it contains interpolations, which could read the
            environment and which no saved configuration needs.
    """
    path = verified(directory, "config.yaml")
    if not path.exists():
        raise UserError(f"{directory} has no config.yaml: name the directory of a run.")
    with reading(path):
        config = _yaml(path)
        refuse_interpolations(config, path)
        return DictConfig(config)


def read_overrides(directory: Path) -> list[str]:
    """Return the overrides that were typed to start the run."""
    path = verified(directory, "overrides.yaml")
    if not path.exists():
        return []
    with reading(path):
        return [str(override) for override in list(_yaml(path) or ())]


def model_name(config: DictConfig) -> str:
    """Return the name of the model of a configuration: `model.name`, or its class."""
    return str(config.model.get("name") or config.model._target_.rpartition(".")[2])


def refuse_interpolations(config: Any, source: object) -> None:
    """Refuse a configuration with interpolations, which could read the environment.

    Args:
        config: The configuration as dictionaries, lists and values.
        source: Name of the configuration, for the error message.

    Raises:
        UserError: If there is an interpolation.
    """
    if any("${" in f"{name}{value}" for name, value in leaves(config)):
        raise UserError(f"{source} is refused: it holds an interpolation (${{...}}).")


def refuse_foreign(config: DictConfig, source: object) -> None:
    """Refuse to train with a saved configuration that could write outside of its run.

    A saved configuration may come from someone else. Typed overrides may write anywhere.

    Args:
        config: The configuration that `read_config` returns.
        source: Name of the configuration, for the error message.

    Raises:
        UserError: If callbacks, loggers or the Trainer have paths or addresses.
    """
    if LIGHTNING in own_packages():
        return
    plain: Any = OmegaConf.to_container(config)
    for group in WRITING:
        for key, value in leaves(plain.get(group), group):
            is_logger = group == "logger" and key.endswith("._target_")
            if PLACE.search(key) or ELSEWHERE.search(str(value)):
                reason = "could write outside of the run"
            elif is_logger and not str(value).startswith(LOGGERS):
                reason = "could send the log elsewhere"
            else:
                continue
            raise UserError(
                f"{source} is refused: {key}={value} {reason}. If the run is your own, set "
                f"{VARIABLE}={LIGHTNING} in the environment."
            )


def _yaml(path: Path) -> Any:
    """Read YAML without aliases, which could expand a few bytes to any amount of memory."""
    text = path.read_text(encoding="utf-8")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise UserError(f"{path} is refused: it holds an alias (*).")
    return yaml.safe_load(text)
