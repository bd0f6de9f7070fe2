"""The text of `--help`, with the options of every group in `conf/`."""

import re
import textwrap
from typing import Any

from omegaconf import OmegaConf

from fmclust.config.schema import conf_directory

WIDTH = 100


def help_text(name: str) -> str:
    """Return the help of a command, without composing `conf/`, which takes a second.

    A line `[[group]]` of the command's template becomes the names of the group's options, the
    default first.

    Args:
        name: Name of the command.
    """
    conf = conf_directory()
    template = str(OmegaConf.load(conf / "hydra" / "help" / f"{name}.yaml").template)
    config = conf / ("config.yaml" if name == "train" else f"{name}.yaml")
    defaults = default_options(OmegaConf.load(config).defaults)

    def listed(found: re.Match[str]) -> str:
        indent, group = found.groups()
        text = indent + ", ".join(options_of(group, defaults.get(group)))
        return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)

    return re.sub(r"^( *)\[\[(\S+)\]\]$", listed, template, flags=re.MULTILINE)


def default_options(defaults: Any) -> dict[str, str]:
    """Return group to option from a defaults list."""
    plain: Any = OmegaConf.to_container(defaults)  # an option may be missing: ???
    entries = [entry for entry in plain if isinstance(entry, dict)]
    return {group: str(option) for entry in entries for group, option in entry.items()}


def options_of(group: str, first: str | None = None) -> list[str]:
    """Return the names of the options of a group, sorted, but `first` at the beginning."""
    names = (path.stem for path in (conf_directory() / group).glob("*.yaml"))
    return sorted(names, key=lambda name: (name != first, name))
