"""Fit scikit-learn estimators to latents, assign latents to clusters, save. Uses no labels."""

from fmclust.clustering.balanced import BalancedKMeans, PrototypeClusterer
from fmclust.clustering.components import LeadingComponents, Whitening
from fmclust.clustering.elbow import knee, statistics_by_k
from fmclust.clustering.estimators import (
    estimator_of,
    pipeline,
    require_fittable,
    takes_prototypes,
    with_prototypes,
)
from fmclust.clustering.fitting import (
    Clustering,
    assign,
    cluster,
    clustering_by,
    fit,
    responsibilities,
    statistic_names,
)
from fmclust.clustering.inductive import NOISE, GraphAgglomerative, InductiveClusterer
from fmclust.clustering.internal_scores import separation
from fmclust.clustering.parameters import parameters_of, stored_arrays
from fmclust.clustering.restarts import Start, distinct_optima, fit_from_starts
from fmclust.clustering.shapes import centres_of, distances_to_centres, shapes_of
from fmclust.clustering.sizes import sized_parameters
from fmclust.clustering.stability import (
    MIN_LATENTS,
    agreement_by_k,
    most_stable,
    numbers_to_try,
    sample_for,
)
from fmclust.clustering.storage import load_clusterer, save_clusterer
