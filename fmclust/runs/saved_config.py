"""What was typed and composed for a run, read back: it says values and does nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, blaming
from fmclust.runs.manifest import verified
from fmclust.trust import VARIABLE, own_packages

# What writes, and where it would write if a saved configuration from someone else could say so.
WRITING = ("callbacks", "logger", "trainer")
PLACE = re.compile(r"dir$|path$|ur[il]$|dir\.|path\.")
ELSEWHERE = re.compile(r"\.\.|\$|^[/~]")
LIGHTNING = "pytorch_lightning"
LOGGERS = ("fmclust.", f"{LIGHTNING}.loggers.CSVLogger", f"{LIGHTNING}.loggers.TensorBoardLogger")


def read_config(directory: Path) -> DictConfig:
    """Returns the configuration of a run.

    Raises:
        UserError: If there is none, or if it holds what no saved one does: interpolations, which
            could read the environment, or parts that write elsewhere than in their run.
    """
    path = verified(directory, "config.yaml")
    if not path.exists():
        raise UserError(f"{directory} is no run directory: it has no config.yaml.")
    with blaming(path):
        config = _yaml(path)
        refuse_unsafe(config, path)
        return OmegaConf.create(config)


def read_overrides(directory: Path) -> list[str]:
    """Returns what was typed to start the run."""
    path = verified(directory, "overrides.yaml")
    if not path.exists():
        return []
    with blaming(path):
        return [str(override) for override in list(_yaml(path) or ())]


def refuse_unsafe(config: Any, source: object) -> None:
    """Refuses a configuration that no run may have, since whoever gets the run reads it.

    Args:
        config: As plain dictionaries, lists and values.
        source: What holds it, for the error.

    Raises:
        UserError: If it holds an interpolation, or a part that writes elsewhere than in its run.
    """
    if any("${" in text for text in _texts(config)):
        raise UserError(f"{source} is refused: it holds an interpolation (${{...}}).")
    if LIGHTNING not in own_packages():
        _refuse_what_leaves(config, source)


def _refuse_what_leaves(config: dict[str, Any], source: object) -> None:
    for group in WRITING:
        for key, value in _leaves(config.get(group), group):
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


def _leaves(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every value that is neither a dictionary nor a list, with its dotted name."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(value, f"{name}.{key}")
    else:
        yield name, node


def _yaml(path: Path) -> Any:
    """Reads YAML that only says values: a few bytes of aliases could stand for endless ones."""
    text = path.read_text(encoding="utf-8")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise UserError(f"{path} is refused: it holds an alias (*).")
    return yaml.safe_load(text)


def _texts(node: Any) -> Iterator[str]:
    """Every key and value that is text, as YAML reads it: escapes hide nothing."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node
