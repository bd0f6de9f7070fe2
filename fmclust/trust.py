"""Check which classes a `_target_` names, and build objects from them."""

import os
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, one_line, require_extra

VARIABLE = "FMCLUST_TRUST"  # environment variable: more packages to trust, comma-separated
PACKAGES = ("fmclust", "sklearn", "torch", "torchvision", "pytorch_lightning", "umap")
EXTRAS = {"umap": "manifold"}  # package to the extra that installs it
# Functions that may be named in addition to classes.
FUNCTIONS = ("fmclust.training.callbacks.progress_bar", "fmclust.clustering.pipeline")


def own_packages() -> list[str]:
    """Return the packages that the environment variable adds."""
    return os.environ.get(VARIABLE, "").replace(",", " ").split()


def build(config: DictConfig, base: type, **arguments: Any) -> Any:
    """Instantiate a configuration after checking every `_target_` in it.

    Args:
        config: Has a `_target_`, and may contain others.
        base: Class that all targets must derive from.
        **arguments: Additional arguments of the outermost target.

    Returns:
        The object.

    Raises:
        UserError: If a target is not trusted, does not exist, or refuses its arguments; if a
            scikit-learn cache (`memory`) is set.
    """
    if not (isinstance(config, DictConfig) and "_target_" in config):
        raise UserError(f"{config} is not a configuration of {base.__name__}: it has no _target_.")
    # Resolved, since an interpolation may lead to another target.
    for name, value in leaves(OmegaConf.to_container(config, resolve=True)):
        keys = name.split(".")
        if "_target_" in keys:
            target_class(value, base)
        if "_partial_" in keys or "_args_" in keys:
            raise UserError("_partial_ and _args_ are refused: leave them out.")
        if "memory" in keys and value is not None:  # joblib unpickles the files in this folder
            raise UserError("memory= is refused: a cache may hold code. Leave it out.")
    try:
        return instantiate(config, _convert_="all", **arguments)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        raise UserError(f"{config._target_}: {one_line(cause or error)}") from error


def build_all(configs: DictConfig, base: type, **arguments: Any) -> dict[str, Any]:
    """Instantiate the configurations of a dictionary, without those that are null."""
    return {
        str(key): build(value, base, **arguments)
        for key, value in configs.items()
        if value is not None
    }


def target_class(target: str, base: type) -> Any:
    """Return the object that a `_target_` names: a subclass of `base`, or one of FUNCTIONS.

    Raises:
        UserError: If it is something else, not trusted, or not found.
    """
    if target in FUNCTIONS:
        return resolve_name(target)
    packages = [*PACKAGES, *own_packages()]
    refusal = (
        f"_target_: {target} is refused: it must be a {base.__name__} of {', '.join(packages)}. "
        f"For a package of your own, set {VARIABLE}=<package> in the environment."
    )
    package = str(target).partition(".")[0]
    if package not in packages:
        raise UserError(refusal)
    if package in EXTRAS:
        require_extra(f"_target_: {target}", EXTRAS[package], package)
    try:
        found = resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"_target_: {target} is not found: check its spelling.") from error
    home = getattr(found, "__module__", "").split(".")[0]
    if not (isinstance(found, type) and issubclass(found, base) and home in packages):
        raise UserError(refusal)
    return found


def leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither a dictionary nor a list, with its dotted name."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, node
