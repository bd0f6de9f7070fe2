"""Training under Lightning, with what a job hangs on it."""

import logging
import signal
import warnings

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from sklearn.base import BaseEstimator

from fmclust.callbacks import AtomicCheckpointIO, ClusterLatents, EpochCheckpoints, RunCallback
from fmclust.data import ImageDataModule
from fmclust.errors import UserError, one_line
from fmclust.models import Autoencoder
from fmclust.runs import LAST_CHECKPOINT, Run
from fmclust.targets import build, build_all


def fit_and_cluster(
    config: DictConfig,
    run: Run,
    datamodule: ImageDataModule,
    model: Autoencoder,
    clusterers: dict[str, BaseEstimator],
    loggers: list[Logger],
) -> None:
    """Trains, from the last checkpoint if there is one; a callback clusters when that ends.

    Raises:
        KeyboardInterrupt: On Ctrl-C, which Lightning would make an exit of.
        UserError: If the user can put it right.
    """
    callbacks = list(build_all(config.callbacks, Callback).values())
    checkpoints = EpochCheckpoints()
    best_from = checkpoints if config.encode_from == "best" else None
    callbacks += [checkpoints, ClusterLatents(clusterers, best_from=best_from)]
    for callback in callbacks:
        if isinstance(callback, RunCallback):
            callback.run = run
    trainer = _build_trainer(config, run, callbacks, loggers)
    checkpoint = run.directory / LAST_CHECKPOINT
    resumed = str(checkpoint) if checkpoint.exists() else None
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(model, datamodule, ckpt_path=resumed, weights_only=True)
    except SIGTERMException:  # an exit with status 0, as if all were done
        raise KeyboardInterrupt("SIGTERM") from None
    except MisconfigurationException as error:
        raise UserError(f"Lightning refuses this: {one_line(error)}") from error
    except RuntimeError as error:
        if "loading state_dict" in str(error):
            raise UserError(f"{checkpoint} is of another network than config.yaml says.") from error
        if "Early stopping conditioned on" not in str(error):
            raise
        raise UserError(f"callbacks.early_stopping.monitor: {one_line(error)}") from error
    except SystemExit:
        signal.signal(signal.SIGINT, on_interrupt)  # Lightning ignores it from then on
        raise KeyboardInterrupt from None


def quieten_lightning() -> None:
    """Leaves out Lightning's hints and what it does that newer releases of torch deprecate."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.* is deprecated",
        "Checkpoint directory .* exists and is not empty",
    ):
        warnings.filterwarnings("ignore", message=message)


def _build_trainer(
    config: DictConfig, run: Run, callbacks: list[Callback], loggers: list[Logger]
) -> Trainer:
    settings = config.trainer
    profiler = settings.profiler and build(settings.profiler, Profiler, dirpath=run.directory)
    return build(
        OmegaConf.masked_copy(settings, [key for key in settings if key != "profiler"]),
        Trainer,
        callbacks=callbacks,
        logger=loggers,
        profiler=profiler,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=run.directory,
    )
