"""The number that a sweep minimizes, and the numbers that it may be."""

from collections.abc import Iterable, Mapping

from omegaconf import DictConfig
from sklearn.base import BaseEstimator

from fmclust.clustering import figure_names
from fmclust.data import ImageSource
from fmclust.errors import UserError
from fmclust.metrics import SCORES
from fmclust.models import Encoder

MORE_IS_BETTER = (*SCORES, "log_likelihood", "silhouette", "calinski_harabasz")


def final_metrics(
    source: ImageSource,
    encoder: Encoder,
    clusterers: Mapping[str, BaseEstimator],
    splits: Iterable[str] = ("test", "all"),
) -> list[str]:
    """Name the numbers that compare runs, the label-free ones first; scores of some splits."""
    names = [encoder.monitor] if encoder.trains else []
    for name, clusterer in clusterers.items():
        names += [f"{name}/{figure}" for figure in figure_names(clusterer)]
    for split in splits:
        if split in source.splits and source.splits[split].labels is not None:
            names += [f"{name}/{split}/{score}" for name in clusterers for score in SCORES]
    return names


def objective(
    config: DictConfig, encoder: Encoder, metrics: Mapping[str, float]
) -> tuple[float, str]:
    """Pick the number that a sweep minimizes; by default one that no label touches.

    Returns:
        The number and its name, both with a minus where more is better.
    """
    first = next(name for name, clusterer in config.cluster.items() if clusterer is not None)
    figures = ("inertia", "log_likelihood", "silhouette", "empty_clusters")
    defaults = [encoder.monitor, *(f"{first}/{figure}" for figure in figures)]
    name = config.objective or next(name for name in defaults if name in metrics)
    if name not in metrics:
        raise UserError(f"objective={name} has no value in this run: type objective=null.")
    if name.rpartition("/")[2] in MORE_IS_BETTER:
        return -metrics[name], f"-{name}"
    return metrics[name], name
