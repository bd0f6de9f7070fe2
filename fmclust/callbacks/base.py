"""What callbacks that leave something in the run directory share."""

from pytorch_lightning import Callback, Trainer

from fmclust.data import ImageDataModule
from fmclust.runs import Run


class RunCallback(Callback):
    """A callback that leaves something in the run directory, from rank zero alone.

    Attributes:
        run: The run, set before training.
    """

    run: Run


def losses_of(trainer: Trainer) -> dict[str, float]:
    """Returns `loss/*` of the epoch that ended last."""
    return {n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("loss/")}


def datamodule_of(trainer: Trainer) -> ImageDataModule:
    """Returns the data that the trainer trains on."""
    return trainer.datamodule  # type: ignore[attr-defined]
