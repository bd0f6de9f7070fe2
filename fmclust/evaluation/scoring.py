"""Clusters of one split against its classes: scores, matching, confusion matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fmclust.metrics import confusion_of, score
from fmclust.plots import draw_confusion


@dataclass(frozen=True)
class Scored:
    """What labels say of one split's clusters.

    Attributes:
        scores: Name to number, see `metrics.score`.
        matching: Cluster id to class.
        raw: int64 counts of shape (n_classes, n_clusters), with noise one more column.
        matched: int64 counts of shape (n_classes, max(n_classes, n_clusters)), with noise one
            more column.
        n_clusters: Number of clusters, noise aside.
    """

    scores: dict[str, float]
    matching: Mapping[int, int]
    raw: np.ndarray
    matched: np.ndarray
    n_clusters: int


def score_split(
    clusters: np.ndarray, classes: np.ndarray, *, n_clusters: int, n_classes: int
) -> Scored:
    """Scores int64 cluster ids of shape (N,), -1 for noise, against int64 classes."""
    confusion = confusion_of(clusters, classes, n_clusters=n_clusters, n_classes=n_classes)
    return Scored(
        scores=score(clusters, classes, n_clusters=n_clusters, n_classes=n_classes),
        matching=confusion.matching(),
        raw=confusion.contingency.numpy(),
        matched=confusion.compute().numpy(),
        n_clusters=n_clusters,
    )


def draw_scored(scored: Scored, class_names: Sequence[str], title: str, *, matched: bool) -> Figure:
    """Draws a confusion matrix: by cluster id, or by the class each cluster is matched with."""
    noise = ["noise"] if scored.raw.shape[1] > scored.n_clusters else []
    title = f"{title}: accuracy {scored.scores['accuracy']:.4f}"
    if matched:
        names, counts = _matched_names(scored, class_names), scored.matched
    else:
        names, counts = [*map(str, range(scored.n_clusters))], scored.raw
    return draw_confusion(
        counts,
        class_names,
        title=f"{title} ({'matched' if matched else 'raw'})",
        cluster_names=[*names, *noise],
    )


def _matched_names(scored: Scored, class_names: Sequence[str]) -> list[str]:
    """Names the columns by matched class and cluster id; spare clusters come last."""
    cluster_of = {cls: cluster for cluster, cls in scored.matching.items()}
    columns = [f"{name} ({cluster_of.get(cls, 'none')})" for cls, name in enumerate(class_names)]
    spare = [n for n in range(scored.n_clusters) if n not in scored.matching]
    return columns + [f"unmatched ({cluster})" for cluster in spare]
