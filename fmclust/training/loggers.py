"""Loggers: TensorBoard events in the run directory, and any others of Lightning's."""

import inspect
import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from fmclust.evaluation import Display
from fmclust.training.checkpoints import epochs_finished
from fmclust.trust import build, target_class

# What tells runs apart, beside all of `model` and what was typed.
HYPER_PARAMETERS = (
    "seed",
    "n_clusters",
    "encode_from",
    "data.batch_size",
    "trainer.max_epochs",
)
NO_HYPER_PARAMETERS = {"figures", "threads", "traceback"}  # no number depends on them
PROJECTED = 5000  # latents at most
PROJECTED_WIDTH = 256  # at most: wider rows (pixels, not latents) make files of tens of MB
SPRITE = 8192  # pixels a side at most, which is what the projector takes


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


def build_loggers(configs: DictConfig, directory: Path) -> list[Logger]:
    """Build all loggers; those that take a `save_dir` and are given none save in the run directory.

    Raises:
        UserError: If a logger is not trusted, or refuses its arguments.
    """
    loggers = []
    for settings in configs.values():
        if settings is not None:
            taken = inspect.signature(target_class(settings._target_, Logger)).parameters
            needed = "save_dir" in taken and "save_dir" not in settings
            loggers.append(build(settings, Logger, **({"save_dir": directory} if needed else {})))
    return loggers


def tensorboard_writer(loggers: Iterable[Logger]) -> SummaryWriter | None:
    """Return the SummaryWriter, or None without a TensorBoard logger or off rank zero."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger) and isinstance(logger.experiment, SummaryWriter):
            return logger.experiment
    return None


class LoggerDisplay(Display):
    """Shows numbers in all loggers, figures in those that take images, latents in TensorBoard.

    Args:
        loggers: Lightning's.
        step: Their step: how many epochs were trained.
    """

    def __init__(self, loggers: Sequence[Logger], step: int) -> None:
        self.loggers, self.step = loggers, step
        self.writer = tensorboard_writer(loggers)

    def scalars(self, values: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.step)

    def figure(self, tag: str, png: bytes) -> None:
        if self.writer is not None:  # the same bytes: drawing is what takes the time
            width, height = struct.unpack(">II", png[16:24])  # of the header
            image = Summary.Image(
                height=height, width=width, colorspace=4, encoded_image_string=png
            )
            summary = Summary(value=[Summary.Value(tag=tag, image=image)])
            self.writer._get_file_writer().add_summary(summary, self.step)
        for logger in self.loggers:
            if hasattr(logger, "log_image"):  # Lightning's name for it, of WandbLogger for one
                picture = Image.open(io.BytesIO(png))
                logger.log_image(key=tag, images=[picture], step=self.step)

    def latents(
        self, latents: np.ndarray, images: Tensor, columns: Mapping[str, Sequence[str]]
    ) -> None:
        if self.writer is None or latents.shape[1] > PROJECTED_WIDTH:
            return
        height, width = images.shape[-2:]
        side = max(height, width)
        n = min(PROJECTED, (SPRITE // side) ** 2, len(latents))
        named = {name: values[:n] for name, values in columns.items()}
        named["index"] = list(map(str, range(n)))  # with two columns at least, the header counts
        square = pad(images[:n].float() / 255, (0, side - width, 0, side - height))
        self.writer.add_embedding(
            torch.from_numpy(latents[:n]),
            metadata=list(zip(*named.values(), strict=True)),
            metadata_header=list(named),
            label_img=square,
            tag="latents",
        )

    def close(self) -> None:
        """Tell TensorBoard that the run ended well."""
        if self.writer is not None:
            _, _, end = hparams({}, {})
            self.writer._get_file_writer().add_summary(end)
            self.writer.flush()


def introduce(
    loggers: Sequence[Logger],
    config: DictConfig,
    overrides: Sequence[str],
    final_metrics: Sequence[str],
    scores: Sequence[str],
) -> None:
    """Write what TensorBoard shows of a run from its beginning on.

    The config as text, a layout of custom scalars whose charts lay runs over one another, and
    the hyper-parameters. TensorBoard takes the columns of its table from this first call alone,
    and shows those first that differ between runs: what was typed.

    Args:
        loggers: TensorBoard's among them, or not.
        config: As composed.
        overrides: What was typed.
        final_metrics: Names in metrics.json that the table of hyper-parameters will show.
        scores: Names of the scores, a chart each.
    """
    writer = tensorboard_writer(loggers)
    if writer is None:
        return
    writer.add_text("config", f"```yaml\n{OmegaConf.to_yaml(config, resolve=True)}```")
    writer.add_custom_scalars(_layout(scores))
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


def _layout(scores: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Charts by tags as regular expressions: those of test, or of all where nothing is held out."""
    return {
        "training": {
            "losses": ["Multiline", ["^loss/train$", "^loss/val$"]],
            "learning rate": ["Multiline", ["^lr$"]],
            "images per second": ["Multiline", ["^speed/images_per_second$"]],
        },
        "scores on the held-out split": {
            score: ["Multiline", [f"^.+/(test|all)/{score}$"]] for score in scores
        },
    }
