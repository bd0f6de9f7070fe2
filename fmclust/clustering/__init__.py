"""Latents to clusters: fitting scikit-learn estimators, assigning, saving. No labels here."""

from fmclust.clustering.choosing import figures_by_k, knee
from fmclust.clustering.fitting import (
    Clustering,
    assign,
    cluster,
    fit,
    own_figures,
    pipeline,
    require_fittable,
    responsibilities,
)
from fmclust.clustering.optima import Start, distinct_optima, fit_from_starts
from fmclust.clustering.shapes import Shapes, centres_of, parameters_of, shapes_of
from fmclust.clustering.storage import load_clusterer, save_clusterer

__all__ = [
    "Clustering",
    "Shapes",
    "Start",
    "assign",
    "centres_of",
    "cluster",
    "distinct_optima",
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
    "shapes_of",
]
