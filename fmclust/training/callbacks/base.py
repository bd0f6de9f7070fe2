"""What callbacks share that write into the run directory."""

from pytorch_lightning import Callback, LightningModule, Trainer

from fmclust.data import ImageSource
from fmclust.models import Encoder
from fmclust.runs import Run


class RunCallback(Callback):
    """A callback that writes into the run directory, on rank zero only.

    Attributes:
        run: The run, set before training.
    """

    run: Run


def losses_of(trainer: Trainer) -> dict[str, float]:
    """Return `loss/*` of the epoch that ended last."""
    return {n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("loss/")}


def source_of(trainer: Trainer) -> ImageSource:
    """Return the images that the trainer trains on."""
    return trainer.datamodule.source  # type: ignore[attr-defined]


def encoder_of(module: LightningModule) -> Encoder:
    """Return the encoder that a module trains."""
    return module.encoder  # type: ignore[return-value]
