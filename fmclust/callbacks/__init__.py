"""When in a Lightning run each thing happens; the things themselves are in other rooms."""

from fmclust.callbacks.base import RunCallback
from fmclust.callbacks.clustering import ClusterLatents, cluster_images
from fmclust.callbacks.losses import LossCurves
from fmclust.callbacks.progress import progress_bar
from fmclust.callbacks.reconstructions import Reconstructions
from fmclust.callbacks.tensorboard import RunLogger

__all__ = [
    "ClusterLatents",
    "LossCurves",
    "Reconstructions",
    "RunCallback",
    "RunLogger",
    "cluster_images",
    "progress_bar",
]
