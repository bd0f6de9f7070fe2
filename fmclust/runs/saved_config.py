"""A run's configuration and overrides, read back as plain values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, reading
from fmclust.runs.manifest import verified
from fmclust.trust import VARIABLE, own_packages

# What writes, and where it would write if a saved configuration from someone else could say so.
WRITING = ("callbacks", "logger", "trainer")
PLACE = re.compile(r"dir$|path$|ur[il]$|dir\.|path\.")
ELSEWHERE = re.compile(r"\.\.|\$|^[/~]")
LIGHTNING = "pytorch_lightning"
LOGGERS = ("fmclust.", f"{LIGHTNING}.loggers.CSVLogger", f"{LIGHTNING}.loggers.TensorBoardLogger")


def read_config(directory: Path) -> DictConfig:
    """Return the configuration of a run.

    Raises:
        UserError: If there is none, or if it holds what no saved one does: interpolations, which
            could read the environment.
    """
    path = verified(directory, "config.yaml")
    if not path.exists():
        raise UserError(f"{directory} is no run directory: it has no config.yaml.")
    with reading(path):
        config = _yaml(path)
        refuse_interpolations(config, path)
        return DictConfig(config)


def read_overrides(directory: Path) -> list[str]:
    """Return what was typed to start the run."""
    path = verified(directory, "overrides.yaml")
    if not path.exists():
        return []
    with reading(path):
        return [str(override) for override in list(_yaml(path) or ())]


def model_name(config: DictConfig) -> str:
    """Return what a configuration's model is called: `model.name`, or else its class."""
    return str(config.model.get("name") or config.model._target_.rpartition(".")[2])


def refuse_interpolations(config: Any, source: object) -> None:
    """Refuse a configuration with interpolations, which could read the environment.

    Args:
        config: As plain dictionaries, lists and values.
        source: What holds it, for the error.

    Raises:
        UserError: If it holds one.
    """
    if any("${" in f"{name}{value}" for name, value in _leaves(config)):
        raise UserError(f"{source} is refused: it holds an interpolation (${{...}}).")


def refuse_foreign(config: DictConfig, source: object) -> None:
    """Refuse to train by a saved configuration that writes elsewhere than in its run.

    It may be someone else's. What is typed may write anywhere.

    Args:
        config: As `read_config` returns it.
        source: What holds it, for the error.

    Raises:
        UserError: If callbacks, loggers or the Trainer have places of their own.
    """
    if LIGHTNING in own_packages():
        return
    plain: Any = OmegaConf.to_container(config)
    for group in WRITING:
        for key, value in _leaves(plain.get(group), group):
            is_logger = group == "logger" and key.endswith("._target_")
            if PLACE.search(key) or ELSEWHERE.search(str(value)):
                reason = "could write elsewhere than in the run"
            elif is_logger and not str(value).startswith(LOGGERS):
                reason = "could send elsewhere what is logged"
            else:
                continue
            raise UserError(
                f"{source} is refused: {key}={value} {reason}. If the run is your own, set "
                f"{VARIABLE}={LIGHTNING} in the environment."
            )


def _leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither a dictionary nor a list, with its dotted name."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, node


def _yaml(path: Path) -> Any:
    """Read YAML that only says values: a few bytes of aliases could stand for endless ones."""
    text = path.read_text(encoding="utf-8")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise UserError(f"{path} is refused: it holds an alias (*).")
    return yaml.safe_load(text)
