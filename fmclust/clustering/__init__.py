"""Latents to clusters: fitting scikit-learn estimators, assigning, saving. No labels here."""

from fmclust.clustering.elbow import knee, statistics_by_k
from fmclust.clustering.estimators import estimator_of, pipeline, require_fittable
from fmclust.clustering.fitting import (
    Clustering,
    assign,
    cluster,
    fit,
    own_statistics,
    responsibilities,
    statistic_names,
)
from fmclust.clustering.inductive import NOISE, GraphAgglomerative, InductiveClusterer
from fmclust.clustering.internal_scores import separation
from fmclust.clustering.restarts import Start, distinct_optima, fit_from_starts
from fmclust.clustering.shapes import (
    FAR_QUANTILE,
    Shapes,
    centres_of,
    distances_to_centres,
    parameters_of,
    shapes_of,
)
from fmclust.clustering.storage import load_clusterer, save_clusterer

__all__ = [
    "FAR_QUANTILE",
    "NOISE",
    "Clustering",
    "GraphAgglomerative",
    "InductiveClusterer",
    "Shapes",
    "Start",
    "assign",
    "centres_of",
    "cluster",
    "distances_to_centres",
    "distinct_optima",
    "estimator_of",
    "fit",
    "fit_from_starts",
    "knee",
    "load_clusterer",
    "own_statistics",
    "parameters_of",
    "pipeline",
    "require_fittable",
    "responsibilities",
    "save_clusterer",
    "separation",
    "shapes_of",
    "statistic_names",
    "statistics_by_k",
]
