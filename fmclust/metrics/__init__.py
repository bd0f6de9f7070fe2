"""Cluster ids and labels to scores; labels exist here and in what calls it."""

from fmclust.metrics.matching import Confusion, confusion_of, count_pairs, match_clusters
from fmclust.metrics.scores import SCORES, score, scores_of

__all__ = [
    "SCORES",
    "Confusion",
    "confusion_of",
    "count_pairs",
    "match_clusters",
    "score",
    "scores_of",
]
