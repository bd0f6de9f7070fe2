"""Clusters of one split against its classes: scores, matching, confusion matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from fmclust.clustering import Clustering
from fmclust.evaluation.labels import Labels
from fmclust.metrics import Confusion, confusion_of, scores_of
from fmclust.plots import draw_confusion


@dataclass(frozen=True)
class Scored:
    """What labels say of one split's clusters.

    Attributes:
        scores: Name to number, see `metrics.score`.
        confusion: Clusters against classes, with the matching.
    """

    scores: dict[str, float]
    confusion: Confusion


def score_split(
    clusters: np.ndarray, classes: np.ndarray, *, n_clusters: int, n_classes: int
) -> Scored:
    """Score int64 cluster ids of shape (N,), -1 for noise, against int64 classes."""
    confusion = confusion_of(clusters, classes, n_clusters=n_clusters, n_classes=n_classes)
    return Scored(scores_of(confusion, clusters, classes), confusion)


def score_clusterings(
    clusterings: Mapping[str, Clustering], labels: Labels
) -> dict[tuple[str, str], Scored]:
    """Score every clustering on every split with labels.

    Returns:
        (clusterer, split) to its scores; split by split.
    """
    return {
        (name, split): score_split(
            clustering.clusters[split],
            classes,
            n_clusters=clustering.n_clusters,
            n_classes=len(labels.names),
        )
        for split, classes in labels.classes.items()
        for name, clustering in clusterings.items()
    }


def draw_scored(scored: Scored, class_names: Sequence[str], title: str, *, matched: bool) -> Figure:
    """Draw a confusion matrix: by cluster id, or by the class each cluster is matched with."""
    confusion = scored.confusion
    noise = ["noise"] if confusion.has_noise else []
    title = f"{title}: accuracy {scored.scores['accuracy']:.4f}"
    if matched:
        names, counts = _matched_names(confusion, class_names), confusion.matched
    else:
        names, counts = [*map(str, range(confusion.n_clusters))], confusion.raw
    return draw_confusion(
        counts,
        class_names,
        title=f"{title} ({'matched' if matched else 'raw'})",
        cluster_names=[*names, *noise],
    )


def _matched_names(confusion: Confusion, class_names: Sequence[str]) -> list[str]:
    """Name the columns by matched class and cluster id; spare clusters come last."""
    cluster_of = {cls: cluster for cluster, cls in confusion.matching.items()}
    columns = [f"{name} ({cluster_of.get(cls, 'none')})" for cls, name in enumerate(class_names)]
    spare = [n for n in range(confusion.n_clusters) if n not in confusion.matching]
    return columns + [f"unmatched ({cluster})" for cluster in spare]
