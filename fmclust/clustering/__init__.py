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
from fmclust.clustering.shapes import Shapes, centres_of, parameters_of, shapes_of
from fmclust.clustering.storage import load_clusterer, save_clusterer

__all__ = [
    "Clustering",
    "Shapes",
    "assign",
    "centres_of",
    "cluster",
    "figures_by_k",
    "fit",
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
