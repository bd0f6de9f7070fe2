"""Write the table of groups in docs/choose.md from `conf/`: `python docs/tables.py`."""

import re
from pathlib import Path

from omegaconf import OmegaConf

from fmclust.config.help import default_options, options_of
from fmclust.config.schema import conf_directory

PAGE = Path(__file__).parent / "choose.md"
ROW = re.compile(r"^\| `(\S+)=` \| `.*?` \| (.*) \|$", flags=re.MULTILINE)


def updated(text: str) -> str:
    """Return a page whose rows of groups name the options that `conf/` has, the default first."""
    defaults = default_options(OmegaConf.load(conf_directory() / "config.yaml").defaults)

    def row(found: re.Match[str]) -> str:
        group, meaning = found.groups()
        options = ", ".join(f"`{name}`" for name in options_of(group, defaults.get(group)))
        return f"| `{group}=` | {options} | {meaning} |"

    return ROW.sub(row, text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
