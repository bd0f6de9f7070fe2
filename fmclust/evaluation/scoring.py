"""Clusters of one split against its classes: scores, matching, confusion matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from fmclust.metrics import MatchedConfusion, match_clusters, score
from fmclust.plots import draw_confusion


@dataclass(frozen=True)
class Scored:
    """What labels say of one split's clusters.

    Attributes:
        scores: Name to number, see `metrics.score`.
        matching: Cluster id to class.
        raw: int64 counts of shape (n_classes, n_clusters).
        matched: int64 counts of shape (n_classes, max(n_classes, n_clusters)).
    """

    scores: dict[str, float]
    matching: Mapping[int, int]
    raw: np.ndarray
    matched: np.ndarray


def score_split(
    clusters: np.ndarray, classes: np.ndarray, *, n_clusters: int, n_classes: int
) -> Scored:
    """Scores int64 cluster ids of shape (N,) against int64 classes of shape (N,)."""
    # One process has all samples: it must not wait for others.
    confusion = MatchedConfusion(n_classes, n_clusters, sync_on_compute=False)
    confusion.update(torch.from_numpy(clusters), torch.from_numpy(classes))
    raw = confusion.contingency.numpy()
    return Scored(
        scores=score(clusters, classes, n_clusters=n_clusters, n_classes=n_classes),
        matching=match_clusters(raw),
        raw=raw,
        matched=confusion.compute().numpy(),
    )


def draw_confusions(scored: Scored, class_names: Sequence[str], title: str) -> dict[str, Figure]:
    """Draws the confusion matrices: `confusion_raw` by cluster id, `confusion_matched`."""
    n_clusters = scored.raw.shape[1]
    title = f"{title}: accuracy {scored.scores['accuracy']:.4f}"
    return {
        "confusion_raw": draw_confusion(
            scored.raw,
            class_names,
            title=f"{title} (raw)",
            cluster_names=[str(cluster) for cluster in range(n_clusters)],
        ),
        "confusion_matched": draw_confusion(
            scored.matched,
            class_names,
            title=f"{title} (matched)",
            cluster_names=_matched_names(scored.matching, class_names, n_clusters),
        ),
    }


def _matched_names(
    matching: Mapping[int, int], class_names: Sequence[str], n_clusters: int
) -> list[str]:
    """Names the columns by matched class and cluster id; spare clusters come last."""
    cluster_of = {cls: cluster for cluster, cls in matching.items()}
    columns = [f"{name} ({cluster_of.get(cls, 'none')})" for cls, name in enumerate(class_names)]
    spare = [cluster for cluster in range(n_clusters) if cluster not in matching]
    return columns + [f"unmatched ({cluster})" for cluster in spare]
