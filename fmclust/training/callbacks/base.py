"""Base class and helpers of the callbacks that write into the run directory."""

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

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


def values_of(trainer: Trainer) -> dict[str, float]:
    """Return the losses of the last epoch, `loss/*`, and other numbers that the encoder logged."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def losses_of(trainer: Trainer) -> dict[str, float]:
    """Return `loss/*` of the last epoch."""
    return {n: v for n, v in values_of(trainer).items() if n.startswith("loss/")}


def source_of(trainer: Trainer) -> ImageSource:
    """Return the images that the trainer trains on."""
    source: ImageSource = trainer.datamodule.source  # type: ignore[attr-defined]
    return source


def shown_images(trainer: Trainer, n: int) -> Tensor:
    """Return the first images of the validation split, uint8 of shape (n, C, H, W)."""
    source = source_of(trainer)
    return source.splits.get("val", source.splits[source.fitted_split]).images[:n]


def encoder_of(module: LightningModule) -> Encoder:
    """Return the encoder that a module trains."""
    return module.encoder  # type: ignore[return-value]
