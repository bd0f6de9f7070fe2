"""The checked configuration: its types, and what a `_target_` may be."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import MISSING, DictConfig, OmegaConf

from fmclust.errors import UserError, one_line, require_number, require_option, require_whole

PACKAGE = Path(__file__).parent
MOST_SEED = 2**32 - 1  # NumPy's
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
# Whose classes a config may name; functions only by their exact names.
PACKAGES = ("fmclust", "sklearn", "pytorch_lightning", "umap")
EXTRAS = {"umap": "manifold"}  # package to the extra that installs it
FUNCTIONS = ("fmclust.callbacks.progress_bar", "fmclust.clustering.pipeline")


@dataclass
class TrainConfig:
    """The top level of `conf/config.yaml`; the groups have their own files."""

    seed: int = 0
    n_clusters: int = 10
    # CPU threads of torch and scikit-learn; null: all cores, or a launcher's share of them.
    threads: int | None = None
    # Which weights encode the images: of the `last` epoch, or the `best` by loss/val.
    encode_from: str = "last"
    # Name in metrics.json that a sweep minimizes; null: loss/val, or, without a network, the
    # first clusterer's inertia or minus its mean log-likelihood or silhouette.
    objective: str | None = None
    data: Any = MISSING
    model: Any = MISSING
    cluster: dict[str, Any] = field(default_factory=dict)
    trainer: Any = MISSING
    callbacks: dict[str, Any] = field(default_factory=dict)
    logger: dict[str, Any] = field(default_factory=dict)


def register_schema() -> None:
    """Makes the types known to Hydra, as `schema` in a defaults list."""
    ConfigStore.instance().store("schema", TrainConfig)


def check(config: DictConfig) -> None:
    """Refuses values that no run can work with, before anything is touched.

    Raises:
        UserError: Names the value and what to type.
    """
    known = [f.name for f in fields(TrainConfig)]
    for key in map(str, config):
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise UserError(f"{key} is unknown: type {near[0] if near else ', or '.join(known)}.")
    require_whole("seed", config.seed, 0)
    if config.seed > MOST_SEED:
        raise UserError(f"seed={config.seed} is too large: type seed= with at most {MOST_SEED}.")
    require_whole("n_clusters", config.n_clusters, 1)
    require_option("encode_from", config.encode_from, ("last", "best"))
    if config.threads is not None:
        require_whole("threads", config.threads, 1)
    require_whole("trainer.max_epochs", config.trainer.max_epochs, 1)
    require_option("trainer.precision", str(config.trainer.precision), PRECISIONS)
    for key in ("limit_train_batches", "limit_val_batches"):
        if config.trainer[key] is not None:
            require_number(f"trainer.{key}", config.trainer[key], above=0)
    kept = [c["_target_"] for c in config.callbacks.values() if c is not None]
    if config.encode_from == "best" and not any(c.endswith("ModelCheckpoint") for c in kept):
        raise UserError("encode_from=best needs callbacks.checkpoint: type encode_from=last.")
    if all(clusterer is None for clusterer in config.cluster.values()):
        raise UserError("no clusterer: type cluster=gmm, for instance.")


def conf_directory() -> Path:
    """Returns the absolute path of `conf/`: beside the package (a clone) or in it (a wheel)."""
    beside = PACKAGE.parent / "conf"
    return beside if (beside / "config.yaml").exists() else PACKAGE / "conf"


def build(config: DictConfig, base: type, **arguments: Any) -> Any:
    """Instantiates a config after checking every `_target_` in it.

    Args:
        config: Has a `_target_`; so may what it holds.
        base: The class that all targets must derive from.
        **arguments: More arguments for the outermost target.

    Raises:
        UserError: If a target is not one that a config may name, or refuses its arguments.
    """
    # Resolved: what stands elsewhere and is only named here is instantiated all the same.
    for target in _targets(OmegaConf.to_container(config, resolve=True)):
        _check_target(target, base)
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


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield node["_target_"]
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _targets(value)


def _check_target(target: str, base: type) -> None:
    if target in FUNCTIONS:
        return
    refusal = (
        f"_target_: {target} is refused: it must be a {base.__name__} of {', '.join(PACKAGES)}."
    )
    if str(target).split(".")[0] not in PACKAGES:
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
    if not (isinstance(found, type) and issubclass(found, base) and home in PACKAGES):
        raise UserError(refusal)
