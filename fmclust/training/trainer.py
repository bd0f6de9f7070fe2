"""Build the Trainer and fit."""

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from fmclust.errors import UserError, one_line
from fmclust.runs import LAST_CHECKPOINT, Run
from fmclust.training.callbacks import (
    ClusterLatents,
    EpochCheckpoints,
    FitMetrics,
    RunCallback,
)
from fmclust.training.checkpoints import AtomicCheckpointIO
from fmclust.trust import build, build_all


def build_trainer(config: DictConfig, directory: Path) -> Trainer:
    """Build the Trainer with all callbacks, and make its rank that of this process.

    Args:
        config: Of the job: its groups `trainer` and `callbacks`.
        directory: The run directory; nothing is written there yet.

    Raises:
        UserError: If Lightning refuses the settings.
    """
    settings = config.trainer
    own = build_all(config.callbacks, Callback).values()
    callbacks = [FitMetrics(config.encode_from), *own, EpochCheckpoints()]
    plugins: list[Any] = [AtomicCheckpointIO()]
    if is_single_process(settings):  # variables of SLURM or torchrun say nothing of this run
        plugins.append(LightningEnvironment())
    trainer = build(
        OmegaConf.masked_copy(settings, [key for key in settings if key != "profiler"]),
        Trainer,
        callbacks=callbacks,
        logger=False,  # set once the run directory is taken
        profiler=settings.profiler and build(settings.profiler, Profiler, dirpath=directory),
        plugins=plugins,
        default_root_dir=directory,
    )
    # Loggers obey this one, which Lightning takes from the environment when it is imported.
    rank_zero_only.rank = trainer.global_rank  # type: ignore[attr-defined]
    return trainer


def is_single_process(settings: DictConfig) -> bool:
    """Whether the group `trainer` asks for one device, not for several or for all there are."""
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
        trainer: As `build_trainer` makes it.
        module: What is trained.
        datamodule: On what.
        run: What the callbacks write into.
        after: What the callback `cluster_latents` calls at the end, with the number of epochs.

    Raises:
        KeyboardInterrupt: On Ctrl-C or SIGTERM, which Lightning would make an exit of.
        UserError: If the user can put it right.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, RunCallback):
            callback.run = run
        if isinstance(callback, ClusterLatents):
            callback.evaluate = after
    checkpoint = run.directory / LAST_CHECKPOINT
    resumed = str(checkpoint) if checkpoint.exists() else None
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule, ckpt_path=resumed, weights_only=True)
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
    except SystemExit as stop:
        signal.signal(signal.SIGINT, on_interrupt)  # Lightning ignores it from then on
        interrupt = stop.__context__
        raise (
            interrupt if isinstance(interrupt, KeyboardInterrupt) else KeyboardInterrupt()
        ) from None


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
    """Leave out Lightning's hints and what it does that newer releases of torch deprecate."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.* is deprecated",
        "Checkpoint directory .* exists and is not empty",
    ):
        warnings.filterwarnings("ignore", message=message)
