"""What a command's configuration may name below `hydra`, before Hydra calls any of it."""

from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError
from fmclust.trust import VARIABLE, dictionaries

WATCH = "fmclust.watch.SweepWatch"
HANDLERS = ("logging.StreamHandler", "logging.NullHandler")
FILE_HANDLER, OWN_FOLDER = "logging.FileHandler", "${hydra.runtime.output_dir}/"
STEERING = (VARIABLE, "PYTHON", "LD_", "DYLD_")  # beginnings of variables that bring code in


def guard_hydra() -> None:
    """Has every configuration checked as Hydra composes it.

    Hydra instantiates callbacks and sets up logging by names from the configuration, with no way
    to step between: its loader is wrapped.
    """
    load = ConfigLoaderImpl.load_configuration
    if getattr(load, "guarded", False):
        return

    def load_checked(self: ConfigLoaderImpl, *args: Any, **named: Any) -> DictConfig:
        config = load(self, *args, **named)
        if "hydra" in config:
            refuse_foreign(config.hydra)
        return config

    load_checked.guarded = True  # type: ignore[attr-defined]
    ConfigLoaderImpl.load_configuration = load_checked  # type: ignore[method-assign]


def refuse_foreign(config: DictConfig) -> None:
    """Refuses what would run code of a configuration file's choice.

    Args:
        config: The node `hydra`; it launches and sweeps by registered plugins alone.

    Raises:
        UserError: Names the value.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    for name, node in (plain.get("callbacks") or {}).items():
        for found in dictionaries(node):
            if found.get("_target_", WATCH) != WATCH:
                raise UserError(f"hydra.callbacks.{name} is refused: leave it out.")
    for key in ("job_logging", "hydra_logging"):
        for node in dictionaries(plain.get(key)):
            kind = node.get("class", HANDLERS[0])
            is_own_file = kind == FILE_HANDLER and _is_own(node.get("filename"))
            if "()" in node or not (kind in HANDLERS or is_own_file):
                raise UserError(f"hydra.{key} is refused: {node.get('()', kind)} is not allowed.")
    for variable in (plain.get("job") or {}).get("env_set") or ():
        if str(variable).startswith(STEERING):
            raise UserError(f"hydra.job.env_set.{variable} is refused: set it in the environment.")


def _is_own(filename: object) -> bool:
    return isinstance(filename, str) and filename.startswith(OWN_FOLDER) and ".." not in filename
