"""Hydra's and OmegaConf's errors about a mistyped command, as one line that says what to type."""

import re
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from fmclust.config.schema import conf_directory

NOT_INSTALLED = {  # groups whose options come with an extra
    "hydra/launcher": "it needs the extra `sweep`: type pip install -e '.[sweep]' in a clone.",
}


def explain(error: Exception, config_name: str) -> str:
    """Return in one line what is wrong with a command and what to type instead.

    Args:
        error: What Hydra or OmegaConf raised.
        config_name: The command's file in `conf/`.
    """
    text = str(error)
    if isinstance(error, OverrideParseException):
        if "=" not in str(error.override):
            return (
                f"{error.override} can't be read: write key=value, and quote a value that has a "
                "blank: key='a value'."
            )
        return f"{error.override} can't be read: quote it for the shell, and write key=value."
    if isinstance(error, MissingConfigException):
        return _explain_option(str(error.missing_cfg_file or text), error.options)
    if found := re.match(r"In '.*?': Could not (?:find|load) '(.+?)'", text):
        return _explain_option(found[1], None)
    if found := re.search(r"Could not override '(.+?)'", text):
        return _explain_key(found[1], config_name)
    if found := re.match(r"Could not delete from config. '(.+?)' does not exist", text):
        return _explain_key(found[1], config_name)
    if found := re.match(r"Error merging override (.+)", text):
        return f"{found[1]} is refused: {_first_line(error.__cause__ or error)}."
    if found := re.match(r"Ambiguous value for argument '(.+?)=(.+?)'", text):
        key, value = found.groups()
        return (
            f"{key}={value} is several values: add -m to run a job with each, or type "
            f"'{key}=[{value}]' for one list."
        )
    if isinstance(error, MissingMandatoryValue):
        key = getattr(error, "full_key", None) or text.rsplit(" ", 1)[-1]
        return f"{key} is missing: type {key}=<value>."
    return f"{_first_line(error)}."


def _explain_option(missing: str, options: Sequence[str] | None) -> str:
    group, _, option = missing.rpartition("/")
    known = sorted(options or [path.stem for path in (conf_directory() / group).glob("*.yaml")])
    if near := get_close_matches(option, known, n=1):
        return f"{group}={option} is unknown: type {group}={near[0]}."
    if group in NOT_INSTALLED:
        return f"{group}={option} is unknown: {NOT_INSTALLED[group]}"
    return f"{group}={option} is unknown: type {group}= with one of {', '.join(known)}."


def _explain_key(key: str, config_name: str) -> str:
    known = _known_keys(config_name)
    parent, _, leaf = key.rpartition(".")
    siblings = [k for k in known if k.rpartition(".")[0] == parent]
    leaves = {k.rpartition(".")[2]: k for k in siblings}
    if near := get_close_matches(leaf, leaves, n=1):
        return f"{key} is unknown: type {leaves[near[0]]}."
    if not siblings and (near := get_close_matches(key, known, n=1)):
        return f"{key} is unknown: type {near[0]}."
    there = siblings or [k for k in known if "." not in k]
    return f"{key} is unknown: there are {', '.join(there)}."


def _known_keys(config_name: str) -> list[str]:
    """Return every key that can be typed with the groups that were chosen, sorted."""
    groups = [path.name for path in conf_directory().iterdir() if path.is_dir()]
    parser = OverridesParser.create()
    chosen = []
    for argument in sys.argv[1:]:
        try:
            override = parser.parse_override(argument)
        except HydraException:
            continue
        if override.key_or_group in groups and not override.is_sweep_override():
            chosen.append(argument)
    try:
        with initialize_config_dir(str(conf_directory()), version_base="1.3"):
            config = compose(config_name, chosen, return_hydra_config=True)
    except HydraException:
        return groups
    plain = OmegaConf.to_container(config)  # neither missing values nor interpolations matter
    return sorted({*_keys(plain), *groups})


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{prefix}{key}"
            yield from _keys(value, f"{prefix}{key}.")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
