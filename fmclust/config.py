"""The checked configuration: its types and ranges."""

from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from fmclust.errors import UserError, require_number, require_option, require_whole

PACKAGE = Path(__file__).parent
MOST_SEED = 2**32 - 1  # NumPy's
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")


@dataclass
class TrainConfig:
    """The top level of `conf/config.yaml`; the groups have their own files."""

    seed: int = 0
    n_clusters: int = 10
    # CPU threads of torch and scikit-learn; null: all cores, or a launcher's share of them.
    threads: int | None = None
    # Which weights encode the images: of the `last` epoch, or the `best` by loss/val.
    encode_from: str = "last"
    # Whether figures are drawn, which takes longer than all else in a very short job.
    figures: bool = True
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
    require_whole("trainer.max_epochs", config.trainer.max_epochs, 1)
    require_option("trainer.precision", str(config.trainer.precision), PRECISIONS)
    for key in ("limit_train_batches", "limit_val_batches"):
        if config.trainer[key] is not None:
            require_number(f"trainer.{key}", config.trainer[key], above=0)
    for group in ("callbacks", "cluster", "logger"):
        for name, settings in config[group].items():
            if settings is not None and "_target_" not in settings:
                raise UserError(f"{group}.{name}={settings} is no part: type ~{group}.{name}.")
    profiler = config.trainer.profiler
    if profiler is not None and "_target_" not in profiler:
        raise UserError(f"trainer.profiler={profiler} is no part: type debug=profile.")
    if all(clusterer is None for clusterer in config.cluster.values()):
        raise UserError("no clusterer: type cluster=gmm, for instance.")


def conf_directory() -> Path:
    """Returns the absolute path of `conf/`: beside the package (a clone) or in it (a wheel)."""
    beside = PACKAGE.parent / "conf"
    return beside if (beside / "config.yaml").exists() else PACKAGE / "conf"
