"""What happens during training, and after it."""

from fmclust.training.callbacks.base import RunCallback
from fmclust.training.callbacks.checkpoints import EpochCheckpoints
from fmclust.training.callbacks.cluster_latents import ClusterLatents
from fmclust.training.callbacks.curves import LearningCurves
from fmclust.training.callbacks.fit_metrics import FitMetrics
from fmclust.training.callbacks.progress import progress_bar
from fmclust.training.callbacks.reconstructions import Reconstructions

__all__ = [
    "ClusterLatents",
    "EpochCheckpoints",
    "FitMetrics",
    "LearningCurves",
    "Reconstructions",
    "RunCallback",
    "progress_bar",
]
