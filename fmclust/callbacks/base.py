"""What callbacks that leave something in the run directory share."""

from pytorch_lightning import Callback

from fmclust.runs import Run


class RunCallback(Callback):
    """A callback that leaves something in the run directory, from rank zero alone.

    Attributes:
        run: The run, set before training.
    """

    run: Run
