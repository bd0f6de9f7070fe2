"""Functions that draw arrays as matplotlib figures; they write no files."""

from fmclust.plots.confusion import draw_confusion
from fmclust.plots.elbow import draw_elbow
from fmclust.plots.images import draw_named_images, draw_rows
from fmclust.plots.losses import draw_losses
from fmclust.plots.outlines import Plane, draw_outlines, spans_plane
from fmclust.plots.stability import draw_agreement
from fmclust.plots.sweeps import draw_sweep
from fmclust.plots.text import save
