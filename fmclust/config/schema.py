"""Types and ranges of the values in the configuration."""

import re
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from fmclust.errors import (
    UserError,
    require_bool,
    require_empty,
    require_number,
    require_option,
    require_seed,
    require_whole,
)

PACKAGE = Path(__file__).parents[1]
AUTO = "auto"  # value of n_clusters: chosen after encoding
MAX_NAME = 100  # bytes of a clusterer's name; that of a file may have 255
PRECISIONS = ("auto", "32-true", "16-mixed", "bf16-mixed")
UNSUPPORTED = {  # settings of the Trainer that shorten an epoch or skip its validation
    "max_steps": "type trainer.max_epochs=",
    "min_steps": "type trainer.max_epochs=",
    "max_time": "type trainer.max_epochs=, and resume a run that was stopped",
    "val_check_interval": "leave it out",
    "check_val_every_n_epoch": "leave it out",
    "fast_dev_run": "type debug=fast",
    "overfit_batches": "type debug=overfit",
    "barebones": "leave it out",
}


@dataclass
class TrainConfig:
    """Top level of `conf/config.yaml`; the groups have their own files."""

    seed: int = 0
    # A whole number, or `auto`.
    n_clusters: Any = 10
    # CPU threads of torch and scikit-learn; null: all cores, divided among a launcher's jobs.
    threads: int | None = None
    # Weights that encode the images: of the `last` epoch, or of the `best` by loss/val.
    encode_from: str = "last"
    # Whether to draw figures, which takes most of the time of a very short job.
    figures: bool = True
    # New folder for the images, with a folder in it for each cluster of the first clusterer.
    sort_into: str | None = None
    # Whether to write a picture of typical images of each cluster beside those folders.
    contact_sheets: bool = False
    # Whether to show the tracebacks of errors.
    traceback: bool = False
    data: Any = MISSING
    model: Any = MISSING
    cluster: dict[str, Any] = field(default_factory=dict)
    trainer: Any = MISSING
    callbacks: dict[str, Any] = field(default_factory=dict)
    logger: dict[str, Any] = field(default_factory=dict)


def register_schema() -> None:
    """Register the types with Hydra, as `schema` in a defaults list."""
    ConfigStore.instance().store("schema", TrainConfig)


def check(config: DictConfig) -> None:
    """Refuse invalid values before anything is written.

    Raises:
        UserError: If a value is invalid; names it and what to type.
    """
    known = [f.name for f in fields(TrainConfig)]
    for key in map(str, config):
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise UserError(f"{key} is unknown: type {near[0] if near else ', or '.join(known)}.")
    require_seed(config.seed)
    require_n_clusters(config.n_clusters)
    require_option("encode_from", config.encode_from, ("last", "best"))
    require_whole("trainer.max_epochs", config.trainer.max_epochs, 1)
    require_option("trainer.precision", str(config.trainer.precision), PRECISIONS)
    for key in ("limit_train_batches", "limit_val_batches"):
        if config.trainer[key] is not None:
            require_number(f"trainer.{key}", config.trainer[key], above=0)
    for group in ("callbacks", "cluster", "logger"):
        for name, settings in config[group].items():
            require_target(f"{group}.{name}", settings)
    require_engine(config.cluster)
    require_target("trainer.profiler", config.trainer.profiler, cure="type debug=profile")
    for key, instead in UNSUPPORTED.items():
        if config.trainer.get(key) is not None:
            raise UserError(
                f"trainer.{key}={config.trainer[key]} is not supported, since every epoch must be "
                f"complete and end with a loss/val: {instead}."
            )
    if clusters_after(config) and not any(config.cluster.values()):
        raise UserError("there is no clusterer: type cluster=gmm, for example.")


def require_engine(clusterers: DictConfig, engine: str = "local") -> None:
    """Check that clusterers run on an engine, `local` or `spark`.

    Raises:
        UserError: If one needs the other.
    """
    for name, settings in ((str(name), settings) for name, settings in clusterers.items()):
        if settings is None:
            continue
        is_for_spark = str(settings.get("_target_")).startswith("fmclust.spark.")
        if is_for_spark and engine == "local":
            raise UserError(
                f"cluster.{name} is for fmclust.cluster with engine=spark, on latents in Parquet "
                "files: type cluster=gmm."
            )
        if not is_for_spark and engine == "spark":
            raise UserError(
                f"cluster.{name} does not run on Spark: type cluster=spark_kmeans, or "
                "cluster=spark_gmm."
            )


def require_n_clusters(value: object) -> None:
    """Check that a number of clusters is a whole number of at least 1, or `auto`.

    Raises:
        UserError: If it is not.
    """
    if value != AUTO:
        require_whole("n_clusters", value, 1)


def clusters_after(config: DictConfig) -> bool:
    """Return whether a run clusters its latents: whether it has the callback `cluster_latents`."""
    return config.callbacks.get("cluster_latents") is not None


def require_target(key: str, settings: object, *, cure: str | None = None) -> None:
    """Check that an entry of a group is null or has a `_target_`, and that its name fits a file.

    Raises:
        UserError: If it is not.
    """
    name = key.rpartition(".")[2]
    if not is_file_name(name):
        raise UserError(
            f"{key} is refused: its name may have only letters, digits, _, + and -, and "
            f"{MAX_NAME} of them at most."
        )
    if settings is not None and not (isinstance(settings, DictConfig) and "_target_" in settings):
        raise UserError(f"{key}={settings} has no _target_: {cure or f'remove it with ~{key}'}.")


def is_file_name(name: str) -> bool:
    """Return whether a name can be part of the names of files, and of the titles of figures."""
    return bool(re.fullmatch(r"\w[\w+-]*", name)) and len(name.encode()) <= MAX_NAME


def conf_directory() -> Path:
    """Return the absolute path of `conf/`: next to the package (clone) or inside it (wheel)."""
    beside = PACKAGE.parent / "conf"
    return beside if (beside / "config.yaml").exists() else PACKAGE / "conf"


def sort_target(config: DictConfig, pictures: Path | None) -> Path | None:
    """Return the folder to sort images into, or None.

    Args:
        config: Has `sort_into` and `contact_sheets`.
        pictures: Folder of the pictures; None if the images come from elsewhere.

    Raises:
        UserError: If it is not empty, or lies in the folder of the pictures, or `contact_sheets`
            has no folder.
    """
    require_bool("contact_sheets", config.contact_sheets)
    if config.sort_into is None:
        if config.contact_sheets:
            raise UserError(
                "contact_sheets=true needs a folder: also type sort_into=<a new folder>."
            )
        return None
    target = Path(str(config.sort_into)).absolute()
    require_empty(target)
    if pictures is not None and target.resolve().is_relative_to(pictures.resolve()):
        raise UserError(
            f"sort_into={target} lies in {pictures}, whose pictures the next command would read "
            "twice: type sort_into=<a folder beside it>."
        )
    return target


def folder_of_pictures(config: DictConfig) -> Path | None:
    """Return the folder of the configuration group `data`, or None if it is not one of pictures."""
    is_folder = str(config.data.get("_target_")).endswith("PictureFolder")
    return Path(str(config.data.root)).absolute() if is_folder else None
