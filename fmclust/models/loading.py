"""Build encoders from a configuration and load their weights from a checkpoint."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from fmclust.errors import UserError, reading, refuse_bomb
from fmclust.models.encoder import Encoder
from fmclust.trust import build

PREFIX = "encoder."  # the weights in a checkpoint are those of EncoderModule.encoder
COUNTER = "num_batches_tracked"  # end of the name of a counter of batch normalization


def build_encoder(settings: DictConfig, image_shape: Sequence[int]) -> Encoder:
    """Build the encoder that the configuration group `model` describes, with new weights.

    Args:
        settings: `_target_`, its arguments, and `name`.
        image_shape: Channels, height and width of the images.

    Raises:
        UserError: If `_target_` is not an encoder, or the encoder refuses its arguments.
    """
    if isinstance(settings, DictConfig):
        plain: Any = OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
        settings = OmegaConf.create({key: plain[key] for key in plain if key != "name"})
    encoder: Encoder = build(settings, Encoder, image_shape=[*image_shape])
    if not encoder.trains and type(encoder).training_losses is not Encoder.training_losses:
        problem = f"{type(encoder).__name__} has training_losses but is not trained"
        raise UserError(f"{problem}: write trains = True in the class.")
    return encoder


def load_weights(encoder: Encoder, path: Path) -> None:
    """Load the weights of a checkpoint into an encoder.

    Raises:
        UserError: If the file is damaged, or was written for another encoder.
    """
    weights = read_checkpoint(path).get("state_dict", {})
    own = {k.removeprefix(PREFIX): v for k, v in weights.items() if k.startswith(PREFIX)}
    with reading(path):
        load_state(encoder, own)


def load_state(network: nn.Module, weights: Mapping[str, Any]) -> None:
    """Load weights into a network after checking their names and shapes.

    Args:
        network: The network.
        weights: Name to tensor. Only the counters of batch normalization, which old files lack,
            may be missing.

    Raises:
        ValueError: If a weight is missing, or has another name or shape.
    """
    own = network.state_dict()  # has the versions of the layers, which MNASNet needs
    found = {**{k: v for k, v in own.items() if k.endswith(COUNTER)}, **weights}
    unfit = [k for k in sorted({*own, *found}) if _shape(own.get(k)) != _shape(found.get(k))]
    if unfit:
        raise ValueError(
            f"{len(unfit):,} of {len(own):,} weights are missing, unknown or of another shape, "
            f"such as {unfit[0]}"
        )
    own.update(weights)
    network.load_state_dict(own)


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or None for anything else."""
    return tuple(value.shape) if isinstance(value, Tensor) else None


def save_weights(encoder: Encoder, path: Path) -> None:
    """Write the weights of an encoder into a file that `load_weights` reads."""
    torch.save({"state_dict": {PREFIX + k: v for k, v in encoder.state_dict().items()}}, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read weights and plain values from a Lightning checkpoint, without running any code.

    Args:
        path: Path of the file.

    Returns:
        The content of the checkpoint, with tensors on the CPU.

    Raises:
        UserError: If the file is damaged, or holds objects of other types.
    """
    try:
        refuse_bomb(path)
        with zipfile.ZipFile(path) as file:  # torch does not verify checksums
            if (damaged := file.testzip()) is not None:
                raise ValueError(damaged)
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:  # torch raises errors of many types
        raise UserError(f"{path} is damaged, or holds more than weights.") from error
