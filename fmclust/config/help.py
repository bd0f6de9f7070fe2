"""The text of `--help`, with the options of every group as `conf/` has them."""

import re
import textwrap
from typing import Any

from omegaconf import OmegaConf

from fmclust.config.schema import conf_directory

WIDTH = 100


def help_text(name: str) -> str:
    """Return what `--help` of a command says; composing `conf/` for it would take a second.

    A line `[[group]]` of the command's template becomes the names of the group's options, the
    default first.

    Args:
        name: The command's.
    """
    conf = conf_directory()
    template = str(OmegaConf.load(conf / "hydra" / "help" / f"{name}.yaml").template)
    config = conf / ("config.yaml" if name == "train" else f"{name}.yaml")
    defaults = default_options(OmegaConf.load(config).defaults)
    return re.sub(
        r"^( *)\[\[(\S+)\]\]$",
        lambda found: _wrapped(options_of(found[2], defaults.get(found[2])), found[1]),
        template,
        flags=re.MULTILINE,
    )


def default_options(defaults: Any) -> dict[str, str]:
    """Return group to option, as a defaults list has them."""
    plain: Any = OmegaConf.to_container(defaults)  # an option may be missing: ???
    entries = [entry for entry in plain if isinstance(entry, dict)]
    return {group: str(option) for entry in entries for group, option in entry.items()}


def options_of(group: str, first: str | None = None) -> list[str]:
    """Return the names of the options of a group, sorted but for the one that comes first."""
    names = sorted(path.stem for path in (conf_directory() / group).glob("*.yaml"))
    return sorted(names, key=lambda name: name != first)


def _wrapped(options: list[str], indent: str) -> str:
    return textwrap.fill(
        ", ".join(options),
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
