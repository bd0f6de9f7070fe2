"""Latents to clusters: fitting scikit-learn estimators, assigning, saving. No labels here."""

from fmclust.clustering.elbow import figures_by_k, knee
from fmclust.clustering.estimators import estimator_of, pipeline, require_fittable
from fmclust.clustering.fitting import (
    Clustering,
    assign,
    cluster,
    figure_names,
    fit,
    own_figures,
    responsibilities,
)
from fmclust.clustering.inductive import NOISE, GraphAgglomerative, InductiveClusterer
from fmclust.clustering.internal_scores import separation
from fmclust.clustering.restarts import Start, distinct_optima, fit_from_starts
from fmclust.clustering.shapes import (
    NEAR,
    Shapes,
    centres_of,
    distances_to_centres,
    parameters_of,
    shapes_of,
)
from fmclust.clustering.storage import load_clusterer, save_clusterer

__all__ = [
    "NEAR",
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
    "figure_names",
    "figures_by_k",
    "fit",
    "fit_from_starts",
    "knee",
    "load_clusterer",
    "own_figures",
    "parameters_of",
    "pipeline",
    "require_fittable",
    "responsibilities",
    "save_clusterer",
    "separation",
    "shapes_of",
]
