"""Reading a run directory back; nothing in it is believed more than it must be."""

import json
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError


def read_status(directory: Path) -> dict[str, Any] | None:
    """Returns what status.json says; None if there is no such run."""
    return _read_json(directory / "status.json")


def read_metrics(directory: Path) -> dict[str, float]:
    """Returns metrics.json; empty if the run did not get that far."""
    return _read_json(directory / "metrics.json") or {}


def read_overrides(directory: Path) -> list[str]:
    """Returns what was typed to start the run."""
    path = directory / "overrides.yaml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or []) if path.exists() else []


def read_config(directory: Path) -> DictConfig:
    """Returns the configuration of a run.

    Raises:
        UserError: If there is none, or if it holds interpolations: those could read the
            environment, so a saved configuration has none.
    """
    path = directory / "config.yaml"
    if not path.exists():
        raise UserError(f"{directory} is no run directory: it has no config.yaml.")
    text = path.read_text(encoding="utf-8")
    if "${" in text:
        raise UserError(f"{path} is refused: it holds an interpolation (${{...}}).")
    return OmegaConf.create(yaml.safe_load(text))


def _read_json(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}.") from error
