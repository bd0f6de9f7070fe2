"""TensorBoard events in the run directory: what frames a run's own numbers and figures."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from fmclust.callbacks.checkpoints import epochs_finished
from fmclust.metrics import SCORES

# What tells runs apart, beside all of `model` and what was typed.
HYPER_PARAMETERS = (
    "seed",
    "n_clusters",
    "encode_from",
    "data.batch_size",
    "trainer.max_epochs",
)
NO_HYPER_PARAMETERS = {"figures", "threads"}  # no number depends on them


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger without its hparams.yaml: config.yaml says it all.

    When a run goes on, TensorBoard forgets what was logged from its last whole epoch on, which
    is logged once more; no curve has a point twice.

    Args:
        save_dir: The run directory.
        settings: As of Lightning's; what would put the events elsewhere is fixed.
    """

    def __init__(self, save_dir: Path, **settings: Any) -> None:
        begun = any(save_dir.glob("events.out.tfevents.*"))
        purge_step = epochs_finished(save_dir) if begun else None
        super().__init__(
            save_dir,
            name="",
            version="",
            sub_dir=None,
            default_hp_metric=False,
            purge_step=purge_step,
            **settings,
        )

    def save(self) -> None:
        self.experiment.flush()


def tensorboard_writer(loggers: Iterable[Logger]) -> SummaryWriter | None:
    """Returns the writer of the TensorBoard logger; None without one, and but on rank zero."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger) and isinstance(logger.experiment, SummaryWriter):
            return logger.experiment
    return None


def introduce(
    writer: SummaryWriter,
    config: DictConfig,
    overrides: Sequence[str],
    final_metrics: Sequence[str],
) -> None:
    """Writes what a run says of itself at its start.

    The config as text, a layout of custom scalars whose charts lay runs over one another, and
    the hyper-parameters. TensorBoard takes the columns of its table from this first call alone,
    and shows those first that differ between runs: what was typed.

    Args:
        writer: TensorBoard's.
        config: As composed.
        overrides: What was typed.
        final_metrics: Names in metrics.json that the table of hyper-parameters will show.
    """
    writer.add_text("config", f"```yaml\n{OmegaConf.to_yaml(config, resolve=True)}```")
    writer.add_custom_scalars(_layout())
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    typed -= NO_HYPER_PARAMETERS
    values = hyper_parameters(config, typed)
    columns, start, _ = hparams(values, dict.fromkeys(final_metrics, 0.0))
    plugin_data = columns.value[0].metadata.plugin_data
    parsed = HParamsPluginData.FromString(plugin_data.content)
    for column in parsed.experiment.hparam_infos:
        column.differs = column.name in typed
    plugin_data.content = parsed.SerializeToString()
    for summary in (columns, start):
        writer._get_file_writer().add_summary(summary)


def conclude(writer: SummaryWriter, metrics: Mapping[str, float], epoch: int) -> None:
    """Writes the numbers that are known at the end, and that the run ended well.

    Args:
        writer: TensorBoard's.
        metrics: As in metrics.json; losses are left out, being there for every epoch.
        epoch: TensorBoard's step.
    """
    for name, value in metrics.items():
        if not name.startswith("loss/"):
            writer.add_scalar(name, value, epoch)
    _, _, end = hparams({}, {})
    writer._get_file_writer().add_summary(end)
    writer.flush()


def hyper_parameters(config: DictConfig, typed: Iterable[str]) -> dict[str, float | str]:
    """Picks what tells runs apart, each always of one type: float for numbers, else str.

    Args:
        config: As composed.
        typed: Keys that were overridden; of those that hold one value, all are picked.
    """
    chosen: dict[str, Any] = {"clusterers": "+".join(map(str, config.cluster))}
    chosen |= _flat(OmegaConf.to_container(config.model, resolve=True), "model")
    chosen |= {key: OmegaConf.select(config, key) for key in HYPER_PARAMETERS}
    for key in set(typed) - set(chosen):
        value = OmegaConf.select(config, key)
        if not OmegaConf.is_config(value):
            chosen[key] = str(value)  # it may be null in another run
    chosen["trainer.precision"] = str(config.trainer.precision)
    return {
        name: float(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
        for name, value in chosen.items()
        if not name.endswith("_target_")
    }


def _flat(node: Any, name: str) -> dict[str, Any]:
    if not isinstance(node, dict):
        return {name: node}
    return {k: v for key, value in node.items() for k, v in _flat(value, f"{name}.{key}").items()}


def _layout() -> dict[str, dict[str, list[Any]]]:
    """Charts by tags as regular expressions: those of test, or of all where nothing is held out."""
    return {
        "training": {
            "losses": ["Multiline", ["^loss/train$", "^loss/val$"]],
            "learning rate": ["Multiline", ["^lr$"]],
            "images per second": ["Multiline", ["^speed/images_per_second$"]],
        },
        "scores on the held-out split": {
            score: ["Multiline", [f"^.+/(test|all)/{score}$"]] for score in SCORES
        },
    }
