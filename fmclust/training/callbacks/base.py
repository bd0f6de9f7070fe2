"""Base class and helpers of the callbacks that write into the run directory."""

from pytorch_lightning import Callback, LightningModule, Trainer

from fmclust.data import ImageSource
from fmclust.models import Encoder
from fmclust.runs import Run


class RunCallback(Callback):
    """Callback that writes into the run directory, on rank zero only.

    Attributes:
        run: The run; set before training.
        epochs_before: Epochs finished before this training, 0 in a new run; set before training.
    """

    run: Run
    epochs_before: int


def losses_of(trainer: Trainer) -> dict[str, float]:
    """Return `loss/*` of the last epoch."""
    return {n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("loss/")}


def source_of(trainer: Trainer) -> ImageSource:
    """Return the images that the trainer trains on."""
    source: ImageSource = trainer.datamodule.source  # type: ignore[attr-defined]
    return source


def encoder_of(module: LightningModule) -> Encoder:
    """Return the encoder that a module trains."""
    return module.encoder  # type: ignore[return-value]
