"""When in a Lightning run each thing happens; the things themselves are in other rooms."""

from fmclust.callbacks.base import RunCallback
from fmclust.callbacks.checkpoints import (
    AtomicCheckpointIO,
    EpochCheckpoints,
    epochs_finished,
)
from fmclust.callbacks.clustering import ClusterLatents, cluster_images
from fmclust.callbacks.curves import LearningCurves
from fmclust.callbacks.progress import progress_bar
from fmclust.callbacks.reconstructions import Reconstructions
from fmclust.callbacks.tensorboard import RunLogger, introduce, tensorboard_writer

__all__ = [
    "AtomicCheckpointIO",
    "ClusterLatents",
    "EpochCheckpoints",
    "LearningCurves",
    "Reconstructions",
    "RunCallback",
    "RunLogger",
    "cluster_images",
    "epochs_finished",
    "introduce",
    "progress_bar",
    "tensorboard_writer",
]
