"""Write images, hyper-parameters and charts of a run to TensorBoard."""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

# The table of hyper-parameters has these keys, all keys of `model`, and the overridden keys.
HYPER_PARAMETERS = ("seed", "n_clusters", "encode_from", "data.batch_size", "trainer.max_epochs")
# They do not change any result.
NO_HYPER_PARAMETERS = {"figures", "threads", "sort_into", "contact_sheets", "traceback"}
TRAINING_CHARTS = {
    "losses": ["Multiline", ["^loss/train$", "^loss/val$"]],
    "learning rate": ["Multiline", ["^lr$"]],
    "images per second": ["Multiline", ["^speed/images_per_second$"]],
}


def summary_writer(loggers: Iterable[Logger]) -> SummaryWriter | None:
    """Return TensorBoard's SummaryWriter, or None if no logger of this process has one."""
    writers = (logger.experiment for logger in loggers if isinstance(logger, TensorBoardLogger))
    return next((writer for writer in writers if isinstance(writer, SummaryWriter)), None)


def add_png(writer: SummaryWriter, tag: str, png: bytes, step: int) -> None:
    """Write a PNG file as an image, without decoding and encoding it again."""
    width, height = struct.unpack(">II", png[16:24])  # of the header
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
    _add(writer, Summary(value=[Summary.Value(tag=tag, image=image)]), step)


def add_end(writer: SummaryWriter) -> None:
    """Write that the run has finished."""
    _add(writer, hparams({}, {})[2])
    writer.flush()


def log_setup(
    loggers: Sequence[Logger],
    config: DictConfig,
    overrides: Sequence[str],
    final_metrics: Sequence[str],
    scores: Sequence[str],
) -> None:
    """Write the configuration as text, the charts that compare runs, and the hyper-parameters.

    TensorBoard takes the columns of its table of hyper-parameters from this first call only. The
    columns of overridden keys come first, since they are marked as different from run to run.

    Args:
        loggers: All loggers; nothing is written if none of them is TensorBoard's.
        config: Composed configuration.
        overrides: Overrides as typed.
        final_metrics: Names in metrics.json to show in the table of hyper-parameters.
        scores: Names of the scores; each that is among the metrics gets a chart of its value for
            `test`, or for `all` if no images are held out.
    """
    writer = summary_writer(loggers)
    if writer is None:
        return
    writer.add_text("config", f"```yaml\n{OmegaConf.to_yaml(config, resolve=True)}```")
    _add_charts(writer, final_metrics, scores)
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    typed -= NO_HYPER_PARAMETERS
    values, metrics = hyper_parameters(config, typed), dict.fromkeys(final_metrics, 0.0)
    columns, start, _ = hparams(values, metrics)
    plugin_data = columns.value[0].metadata.plugin_data
    parsed = HParamsPluginData.FromString(plugin_data.content)
    for column in parsed.experiment.hparam_infos:
        column.differs = column.name in typed
    plugin_data.content = parsed.SerializeToString()
    _add(writer, columns)
    _add(writer, start)


def _add_charts(writer: SummaryWriter, final_metrics: Sequence[str], scores: Sequence[str]) -> None:
    """Write the layout of the charts, without those for which the run has no values."""
    layout = {}
    if any(name.startswith("loss/") for name in final_metrics):
        layout["training"] = TRAINING_CHARTS
    ends = {name.rpartition("/")[2] for name in final_metrics}
    if scored := [score for score in scores if score in ends]:
        layout["scores on the held-out split"] = {
            score: ["Multiline", [f"^.+/(test|all)/{score}$"]] for score in scored
        }
    if layout:
        writer.add_custom_scalars(layout)


def hyper_parameters(config: DictConfig, typed: Collection[str]) -> dict[str, float | str]:
    """Return the hyper-parameters of a run: float for numbers, str for all other values.

    Args:
        config: Composed configuration.
        typed: Keys that were overridden; keys of groups are left out.
    """
    chosen = {"clusterers": "+".join(map(str, config.cluster))}
    chosen |= _flat(OmegaConf.to_container(config.model, resolve=True), "model")
    chosen |= {key: OmegaConf.select(config, key) for key in HYPER_PARAMETERS}
    others = {key: OmegaConf.select(config, key) for key in {*typed} - {*chosen}}
    # As text: a number may be null in another run.
    chosen |= {key: str(v) for key, v in others.items() if not OmegaConf.is_config(v)}
    chosen["trainer.precision"] = str(config.trainer.precision)
    return {
        name: float(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
        for name, value in chosen.items()
        if not name.endswith("_target_")
    }


def _flat(node: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(node, dict):
        return {name: node}
    return {k: v for key, value in node.items() for k, v in _flat(value, f"{name}.{key}").items()}


def _add(writer: SummaryWriter, summary: Summary, step: int | None = None) -> None:
    """Write a summary for which SummaryWriter has no method."""
    writer.file_writer.add_summary(summary, step)  # type: ignore[attr-defined]
