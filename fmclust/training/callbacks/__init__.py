"""Callbacks during training and after it."""

from fmclust.training.callbacks.cluster_latents import ClusterLatents
from fmclust.training.callbacks.curves import LearningCurves
from fmclust.training.callbacks.progress import progress_bar
from fmclust.training.callbacks.reconstructions import Reconstructions
from fmclust.training.callbacks.views import Views
