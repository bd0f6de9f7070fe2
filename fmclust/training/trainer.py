"""Build the Trainer and fit."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import StochasticWeightAveraging, Timer
from pytorch_lightning.callbacks.timer import Interval
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from fmclust.errors import UserError, one_line, require_option
from fmclust.runs import LAST_CHECKPOINT, Run
from fmclust.training.callbacks.base import RunCallback
from fmclust.training.callbacks.checkpoints import EpochCheckpoints
from fmclust.training.callbacks.cluster_latents import ClusterLatents
from fmclust.training.callbacks.fit_metrics import FitMetrics
from fmclust.training.checkpoints import (
    AtomicCheckpointIO,
    epochs_finished,
    require_resumable,
)
from fmclust.training.module import LOSSES
from fmclust.trust import build, build_all


def build_trainer(config: DictConfig, directory: Path) -> Trainer:
    """Build the Trainer with all callbacks, and set the rank of this process.

    Args:
        config: Configuration of the job, with the groups `trainer` and `callbacks`.
        directory: Run directory; nothing is written there yet.

    Raises:
        UserError: If Lightning refuses the settings.
    """
    settings = config.trainer
    own = build_all(config.callbacks, Callback).values()
    _require_whole_epochs(own)
    checkpoints = EpochCheckpoints()
    callbacks = [FitMetrics(config.encode_from, checkpoints), *own, checkpoints]
    plugins: list[Any] = [AtomicCheckpointIO()]
    if is_single_process(settings):  # then environment variables of SLURM or torchrun are ignored
        plugins.append(LightningEnvironment())
    trainer: Trainer = build(
        OmegaConf.masked_copy(settings, [key for key in settings if key != "profiler"]),
        Trainer,
        callbacks=callbacks,
        logger=False,  # set once the run directory is claimed
        profiler=settings.profiler and build(settings.profiler, Profiler, dirpath=directory),
        plugins=plugins,
        default_root_dir=directory,
    )
    # Loggers use this rank; on import Lightning sets it from environment variables.
    rank_zero_only.rank = trainer.global_rank  # type: ignore[attr-defined]
    return trainer


def _require_whole_epochs(callbacks: Iterable[Callback]) -> None:
    """Refuse callbacks that change the weights after the last checkpoint, or stop within an epoch.

    Raises:
        UserError: Says what to type.
    """
    for callback in callbacks:
        if isinstance(callback, StochasticWeightAveraging):
            raise UserError(
                "StochasticWeightAveraging changes the weights after the last checkpoint: leave it "
                "out of callbacks."
            )
        if isinstance(callback, Timer) and callback._interval == Interval.step:  # noqa: SLF001
            raise UserError(
                "Timer would stop within an epoch: type ++callbacks.<name>.interval=epoch."
            )


def is_single_process(settings: DictConfig) -> bool:
    """Return whether the group `trainer` asks for exactly one device."""
    devices = settings.devices
    n_devices = len(devices) if isinstance(devices, ListConfig) else devices
    is_one = str(n_devices) == "1" and str(settings.get("num_nodes", 1)) == "1"
    return is_one and "ddp" not in str(settings.strategy)


def fit(
    trainer: Trainer,
    module: LightningModule,
    datamodule: LightningDataModule,
    run: Run,
    *,
    after: Callable[[int], object],
) -> None:
    """Train, from the last checkpoint if there is one.

    Args:
        trainer: Trainer from `build_trainer`.
        module: Module to train.
        datamodule: Images to train on.
        run: Run that the callbacks write into.
        after: Function that the callback `cluster_latents` calls with the number of epochs.

    Raises:
        KeyboardInterrupt: On Ctrl-C or SIGTERM.
        UserError: If Lightning refuses the settings, the checkpoint is of another network, or
            early stopping monitors a value that is not logged.
    """
    for stopping in trainer.early_stopping_callbacks:
        if stopping.strict:  # otherwise the value may be one that a callback of the user logs
            require_option("callbacks.early_stopping.monitor", stopping.monitor, LOSSES)
    epochs_before = epochs_finished(run.directory)
    checkpoint = run.directory / LAST_CHECKPOINT if epochs_before else None
    if checkpoint is not None:
        require_resumable(checkpoint, module, int(trainer.max_epochs or 0))
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, RunCallback):
            callback.run, callback.epochs_before = run, epochs_before
        if isinstance(callback, ClusterLatents):
            callback.evaluate = after
    with _translated_errors():
        trainer.fit(module, datamodule, ckpt_path=checkpoint, weights_only=True)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise UserError and KeyboardInterrupt instead of Lightning's errors and its SystemExit."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException:  # it would end the process with status 0, like a finished run
        raise KeyboardInterrupt("SIGTERM") from None
    except MisconfigurationException as error:
        raise UserError(f"Lightning refuses this: {one_line(error)}") from error
    except SystemExit as stop:
        signal.signal(signal.SIGINT, on_interrupt)  # Lightning has set it to be ignored
        cause = stop.__context__
        raise cause if isinstance(cause, KeyboardInterrupt) else KeyboardInterrupt() from None


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, which Lightning handles only while it trains."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt("SIGTERM")

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def quieten_lightning() -> None:
    """Hide Lightning's hints, and warnings about its use of deprecated functions of torch."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", category=FutureWarning, module=name)
