"""Arrays to matplotlib figures: pure functions, no files, no loggers."""

from fmclust.plots.confusion import draw_confusion
from fmclust.plots.images import draw_reconstructions
from fmclust.plots.losses import draw_losses

__all__ = ["draw_confusion", "draw_losses", "draw_reconstructions"]
