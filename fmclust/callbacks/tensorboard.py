"""TensorBoard events in the run directory."""

from collections.abc import Iterable

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger without its hparams.yaml: config.yaml says it all."""

    def save(self) -> None:
        self.experiment.flush()


def tensorboard_writer(loggers: Iterable[Logger]) -> SummaryWriter | None:
    """Returns the writer of the TensorBoard logger, if there is one."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            return logger.experiment
    return None
