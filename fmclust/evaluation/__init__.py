"""From an encoder and the images of a run to latents, clusters, scores, figures and files."""

from fmclust.evaluation.publishing import Display, publish
from fmclust.evaluation.results import Evaluation
from fmclust.evaluation.stage import evaluate, evaluate_latents
