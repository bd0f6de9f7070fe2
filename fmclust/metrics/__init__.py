"""Cluster ids and labels to scores; labels exist here and in what calls it."""

from fmclust.metrics.matching import ClusterAccuracy, MatchedConfusion, match_clusters
from fmclust.metrics.scores import score

__all__ = ["ClusterAccuracy", "MatchedConfusion", "match_clusters", "score"]
