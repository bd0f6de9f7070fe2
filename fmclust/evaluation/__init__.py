"""Encode the images of a run, cluster and score their latents, write files and figures."""

from fmclust.evaluation.publishing import Display, publish
from fmclust.evaluation.results import Evaluation
from fmclust.evaluation.stage import (
    encode_images,
    evaluate_clusterings,
    evaluate_latents,
    save_clustering,
)
