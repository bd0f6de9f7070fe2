"""Give the settings that are null and follow the number of images their values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf
from sklearn.base import BaseEstimator

from fmclust.clustering import sized_parameters

if TYPE_CHECKING:  # Lightning, which `fmclust.cluster` does without
    from fmclust.data.datamodule import ImageDataModule


def set_batch_size(config: DictConfig, datamodule: "ImageDataModule", n_processes: int) -> None:
    """Set the batch size of a configuration and its data module."""
    datamodule.batch_size = datamodule.used_batch_size(n_processes)
    OmegaConf.update(config, "data.batch_size", datamodule.batch_size, force_add=True)


def set_sizes(config: DictConfig, clusterers: Mapping[str, BaseEstimator], n_latents: int) -> None:
    """Set neighbours and minimum cluster sizes, in the estimators and their configuration.

    Args:
        config: The configuration, with the group `cluster`.
        clusterers: Name to unfitted estimator.
        n_latents: Number of latents to fit them to.
    """
    for name, clusterer in clusterers.items():
        chosen = sized_parameters(clusterer, n_latents)
        clusterer.set_params(**chosen)
        for parameter, value in chosen.items():
            outer, _, key = f"{name}.{parameter.replace('__', '.')}".rpartition(".")
            if isinstance(OmegaConf.select(config.cluster, outer), DictConfig):
                OmegaConf.update(config.cluster, f"{outer}.{key}", value, force_add=True)
