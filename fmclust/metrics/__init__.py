"""Scores of cluster ids against labels; only this package and its callers use labels."""

from fmclust.metrics.matching import MAX_NAMES, Confusion, confusion_of, count_pairs, match_clusters
from fmclust.metrics.scores import SCORES, score, scores_of, scores_of_counts
