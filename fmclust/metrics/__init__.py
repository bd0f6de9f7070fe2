"""Cluster ids and labels to scores; labels exist here and in what calls it."""

from fmclust.metrics.matching import ClusterAccuracy, MatchedConfusion, confusion_of, match_clusters
from fmclust.metrics.scores import SCORES, score

__all__ = [
    "SCORES",
    "ClusterAccuracy",
    "MatchedConfusion",
    "confusion_of",
    "match_clusters",
    "score",
]
