"""Objects from a configuration: what a `_target_` may be, and building it."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, one_line
from fmclust.trust import VARIABLE, dictionaries, own_packages

# Whose classes a config may name; functions only by their exact names.
PACKAGES = ("fmclust", "sklearn", "pytorch_lightning", "umap")
EXTRAS = {"umap": "manifold"}  # package to the extra that installs it
FUNCTIONS = ("fmclust.callbacks.progress_bar", "fmclust.clustering.pipeline")


def build(config: DictConfig, base: type, **arguments: Any) -> Any:
    """Instantiates a config after checking every `_target_` in it.

    Args:
        config: Has a `_target_`; so may what it holds.
        base: The class that all targets must derive from.
        **arguments: More arguments for the outermost target.

    Raises:
        UserError: If a target is not one that a config may name, or refuses its arguments; if a
            cache of scikit-learn's is named.
    """
    if not (isinstance(config, DictConfig) and "_target_" in config):
        raise UserError(f"{config} is no {base.__name__}: it names no _target_.")
    # Resolved: what stands elsewhere and is only named here is instantiated all the same.
    for node in dictionaries(OmegaConf.to_container(config, resolve=True)):
        if "_target_" in node:
            _check_target(node["_target_"], base)
        if "_partial_" in node or "_args_" in node:
            raise UserError("_partial_ and _args_ are refused: leave them out.")
        if node.get("memory") is not None:  # joblib would unpickle what lies there
            raise UserError("memory= is refused: what is in a cache could run code. Leave it out.")
    try:
        return instantiate(config, _convert_="all", **arguments)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        raise UserError(f"{config._target_}: {one_line(cause or error)}") from error


def build_all(configs: DictConfig, base: type, **arguments: Any) -> dict[str, Any]:
    """Instantiates a dictionary of configs; entries that are null are left out."""
    return {
        str(key): build(value, base, **arguments)
        for key, value in configs.items()
        if value is not None
    }


def _check_target(target: str, base: type) -> None:
    if target in FUNCTIONS:
        return
    packages = [*PACKAGES, *own_packages()]
    refusal = (
        f"_target_: {target} is refused: it must be a {base.__name__} of {', '.join(packages)}. "
        f"For a package of your own, set {VARIABLE}=<package> in the environment."
    )
    if str(target).split(".")[0] not in packages:
        raise UserError(refusal)
    try:
        found = get_object(target)
    except ImportError as error:
        if (extra := EXTRAS.get(target.partition(".")[0])) is not None:
            raise UserError(
                f"_target_: {target} needs the extra {extra}: type pip install -e '.[{extra}]'."
            ) from error
        raise UserError(f"_target_: {target} is not found: check its spelling.") from error
    home = getattr(found, "__module__", "").split(".")[0]
    if not (isinstance(found, type) and issubclass(found, base) and home in packages):
        raise UserError(refusal)
