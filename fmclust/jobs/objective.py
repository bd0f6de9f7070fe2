"""The numbers that compare runs, and the one of them that a sweep minimizes."""

from collections.abc import Iterable, Mapping

from sklearn.base import BaseEstimator

from fmclust.clustering import statistic_names
from fmclust.data import ImageSource
from fmclust.metrics import SCORES
from fmclust.models import Encoder

INTERNAL = ("inertia", "bic", "davies_bouldin", "empty_clusters")  # of a clusterer; less is better


def final_metrics(
    source: ImageSource, encoder: Encoder, clusterers: Mapping[str, BaseEstimator]
) -> list[str]:
    """Name the numbers that compare runs, the label-free ones first; scores of test or all."""
    names = [encoder.monitor] if encoder.trains else []
    for name, clusterer in clusterers.items():
        names += [f"{name}/{statistic}" for statistic in statistic_names(clusterer)]
    if source.splits[source.shown_split].labels is not None:
        names += [f"{name}/{source.shown_split}/{s}" for name in clusterers for s in SCORES]
    return names


def objective(encoder: Encoder, clusterers: Iterable[str], metrics: Mapping[str, float]) -> str:
    """Name the label-free number that a sweep minimizes.

    Args:
        encoder: Its monitor comes first, where it trains.
        clusterers: Names; else the first one's inertia, BIC or Davies-Bouldin index.
        metrics: As in metrics.json.
    """
    first = next(iter(clusterers), "")
    names = [encoder.monitor, *(f"{first}/{statistic}" for statistic in INTERNAL)]
    return next(name for name in names if name in metrics)
