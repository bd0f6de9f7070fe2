"""Explain Hydra's and OmegaConf's errors about a mistyped command in one line.

All dependence on the texts of their errors is in this module; they were seen with Hydra 1.3.8 and
OmegaConf 2.3.1. With other texts the message is the first line of the library's own. The one text
of scikit-learn's errors that is used is in `clustering/degenerate.py`.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from fmclust.config.help import options_of
from fmclust.config.schema import conf_directory
from fmclust.errors import missing_extra

HYDRA_FLAGS = (  # those that begin with --; its parser is private
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run"),
    *("--multirun", "--shell-completion", "--config-path", "--config-name", "--config-dir"),
    *("--experimental-rerun", "--info"),
)
OPTION_MISSING = re.compile(r"In '.*?': Could not (?:find|load) '(.+?)'")
KEY_UNKNOWN = re.compile(r"Could not (?:override|delete from config\.) '(.+?)'")
VALUE_REFUSED = re.compile(r"Error merging override (.+)")
SEVERAL_VALUES = re.compile(r"Ambiguous value for argument '(.+?)=(.+?)'")
SET_BY_PARTS = ("experiment", "model", "cluster", "seed", "hydra.run.dir")  # by fmclust.reproduce
LISTS = (("cluster", "cluster"), ("cluster", "resume"))  # keys and commands that take a list
GROUP_NULL = "Config group override"  # the beginning of a ValueError about group=null
# Hydra's options that ours in conf/hydra/launcher/ are made from; the extra sweep installs them.
PLUGINS = ("joblib", "submitit_local", "submitit_slurm")


def explain(error: Exception, config_name: str) -> str:
    """Return in one line what is wrong with a command and what to type instead.

    Args:
        error: Error of Hydra or OmegaConf.
        config_name: Name of the command's file in `conf/`.
    """
    text = str(error)
    if isinstance(error, OverrideParseException):
        return _explain_syntax(str(error.override))
    if isinstance(error, MissingConfigException):
        return _explain_option(str(error.missing_cfg_file or text), error.options)
    if found := OPTION_MISSING.match(text):
        return _explain_option(found[1], None)
    if found := KEY_UNKNOWN.search(text):
        return _explain_key(found[1], config_name)
    if found := VALUE_REFUSED.match(text):
        return f"{found[1]} is refused: {_first_line(error.__cause__ or error)}."
    if found := SEVERAL_VALUES.match(text):
        return _explain_several(found[1], found[2], config_name)
    if isinstance(error, MissingMandatoryValue):
        key = getattr(error, "full_key", None) or text.rsplit(" ", 1)[-1]
        return f"{key} is missing: type {key}=<value>."
    return f"{_first_line(error)}."


def _explain_several(key: str, value: str, config_name: str) -> str:
    if config_name == "config":  # of fmclust.train, which has sweeps
        cure = f"add -m to run a job with each, or type '{key}=[{value}]' for one list."
    elif (key, config_name) in LISTS or isinstance(_loaded(config_name).get(key), list):
        cure = f"type '{key}=[{value}]', a list."
    else:
        cure = f"type {key}={value.partition(',')[0]}, or another one."
    return f"{key}={value} is several values: {cure}"


def _explain_syntax(override: str) -> str:
    key, equals, value = override.partition("=")
    if not equals:
        cure = "write key=value, and quote a value that has a blank: key='a value'"
    elif listed := re.fullmatch(r"\[([^\[\]{}'\"]*=[^\[\]{}'\"]*)\]", value):
        items = ",".join(f"'{item.strip()}'" for item in listed[1].split(","))
        cure = f'type "{key}=[{items}]"'
    else:
        cure = "quote it for the shell, and write key=value"
    return f"{override} can't be read: {cure}."


def _explain_option(missing: str, options: Sequence[str] | None) -> str:
    group, _, option = missing.rpartition("/")
    known = sorted(options or options_of(group))
    if group == "hydra/launcher" and option in PLUGINS:
        return f"{missing_extra('this launcher', 'sweep')}."
    if near := get_close_matches(option, known, n=1):
        cure = f"type {group}={near[0]}."
    else:
        cure = f"type {group}= with one of {', '.join(known)}."
    return f"{group}={option} is unknown: {cure}"


def _explain_key(key: str, config_name: str) -> str:
    known = _known_keys(config_name, key)
    if within := [k for k in known if k.startswith(f"{key}.")]:  # a group of other commands
        return f"{key} has no options here: type {within[0]}=<value>."
    group = key.partition(".")[0]
    if group in command_groups(config_name) and (options := _options_with(key)):
        return f"{key} is a setting of {', '.join(options)}: type {options[0]}, or leave {key} out."
    parent, _, leaf = key.rpartition(".")
    siblings = [k for k in known if k.rpartition(".")[0] == parent]
    leaves = {k.rpartition(".")[2]: k for k in siblings}
    if near := get_close_matches(leaf, leaves, n=1):
        return f"{key} is unknown: type {leaves[near[0]]}."
    if not siblings and (near := get_close_matches(key, known, n=1)):
        return f"{key} is unknown: type {near[0]}."
    is_of_runs = key in _known_keys("config", key) or _options_with(key)
    if "overrides" in known and is_of_runs and key not in SET_BY_PARTS:  # fmclust.reproduce
        value = next((a.partition("=")[2] for a in sys.argv if a.startswith(f"{key}=")), "<value>")
        plain = value.strip("'\"")  # paths are quoted for Hydra
        return f"{key} is a setting of single runs: type \"overrides=['{key}={plain}']\"."
    there = siblings or [k for k in known if "." not in k]
    return f"{key} is unknown: there are {', '.join(there)}."


def _loaded(config_name: str) -> dict[str, Any]:
    """Return the content of a command's file in `conf/`."""
    loaded: Any = OmegaConf.to_container(OmegaConf.load(conf_directory() / f"{config_name}.yaml"))
    return dict(loaded)


def command_groups(config_name: str) -> list[str]:
    """Return the groups of options that a command has."""
    loaded = _loaded(config_name)
    named = [str(next(iter(entry))) for entry in loaded["defaults"] if not isinstance(entry, str)]
    return [name for name in named if not name.startswith("override ")]


def explain_null(error: ValueError, config_name: str) -> str | None:
    """Return what is wrong with a typed `<group>=null` and what to type; None for other errors."""
    if not str(error).startswith(GROUP_NULL):
        return None
    group = next((g for g in command_groups(config_name) if f"{g}=null" in sys.argv), None)
    if group is None:
        return f"{_first_line(error)}."
    if group in ("callbacks", "logger"):
        return f"{group}=null is not an option: type '{group}=[]' for none."
    return _explain_option(f"{group}/null", None)


def _options_with(key: str) -> list[str]:
    """Return the options that define a setting of their group: data.color to [data=folder]."""
    group, _, name = key.partition(".")
    folder = conf_directory() / group
    return [
        f"{group}={option}"
        for option in options_of(group)
        if name in _keys(OmegaConf.to_container(OmegaConf.load(folder / f"{option}.yaml")))
    ]


def _known_keys(config_name: str, refused: str) -> list[str]:
    """Return every key of the configuration with the options that were typed, sorted.

    Args:
        config_name: Name of the command's file in `conf/`.
        refused: The key that Hydra refuses; its option is left out.
    """
    groups = command_groups(config_name)
    # Lists of options such as cluster=[kmeans,gmm] count, values of a sweep do not.
    typed = re.compile(rf"({'|'.join(groups)})=(\[.*\]|[^,]*)")
    options = [text for text in sys.argv[1:] if not text.startswith(f"{refused}=")]
    chosen = list(filter(typed.fullmatch, options))
    try:
        with initialize_config_dir(str(conf_directory()), version_base="1.3"):
            config = compose(config_name, chosen, return_hydra_config=True)
    except HydraException:
        return groups
    plain = OmegaConf.to_container(config)  # may have missing values and interpolations
    return sorted({*_keys(plain), *groups})


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{prefix}{key}"
            yield from _keys(value, f"{prefix}{key}.")


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
