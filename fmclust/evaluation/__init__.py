"""Latents of a run, and labels if any, to clusters, scores, figures and files."""

from fmclust.evaluation.assigning import Assignment, AssignmentWriter, assign_latents
from fmclust.evaluation.labels import Labels
from fmclust.evaluation.progress import telling
from fmclust.evaluation.publishing import publish
from fmclust.evaluation.rescoring import accuracy_fitted_on, accuracy_of_all
from fmclust.evaluation.stage import evaluate

__all__ = [
    "Assignment",
    "AssignmentWriter",
    "Labels",
    "accuracy_fitted_on",
    "accuracy_of_all",
    "assign_latents",
    "evaluate",
    "publish",
    "telling",
]
