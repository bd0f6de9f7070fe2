"""The metrics that compare runs, and the one that a sweep minimizes."""

from collections.abc import Iterable, Mapping

from sklearn.base import BaseEstimator

from fmclust.clustering import statistic_names
from fmclust.data import ImageSource
from fmclust.metrics import SCORES
from fmclust.models import Encoder

INTERNAL = ("inertia", "bic", "davies_bouldin")  # statistics of a clusterer; lower is better


def final_metrics(
    source: ImageSource, encoder: Encoder, clusterers: Mapping[str, BaseEstimator]
) -> list[str]:
    """Return the names of the metrics that compare runs: label-free ones, then scores."""
    names = [encoder.monitor] if encoder.trains else []
    for name, clusterer in clusterers.items():
        names += [f"{name}/{statistic}" for statistic in statistic_names(clusterer)]
    if source.splits[source.shown_split].labels is not None:
        names += [f"{name}/{source.shown_split}/{s}" for name in clusterers for s in SCORES]
    return names


def objective(encoder: Encoder, clusterers: Iterable[str], metrics: Mapping[str, float]) -> str:
    """Return the name of the label-free metric that a sweep minimizes; "" if it is undefined.

    Args:
        encoder: If it trains, its monitor is the objective.
        clusterers: Names of the clusterers; otherwise the objective is the inertia, the BIC or the
            Davies-Bouldin index of the first one. The index is undefined for a single cluster.
        metrics: Metrics of the run, as in metrics.json.
    """
    first = next(iter(clusterers), "")
    names = [encoder.monitor, *(f"{first}/{statistic}" for statistic in INTERNAL)]
    return next((name for name in names if name in metrics), "")
