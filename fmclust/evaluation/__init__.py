"""An encoder and the images of a run to latents, clusters, scores, figures and files."""

from fmclust.evaluation.progress import spinner
from fmclust.evaluation.publishing import Display, publish
from fmclust.evaluation.stage import Evaluation, encode_splits, evaluate, evaluate_latents

__all__ = [
    "Display",
    "Evaluation",
    "encode_splits",
    "evaluate",
    "evaluate_latents",
    "publish",
    "spinner",
]
