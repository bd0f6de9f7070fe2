"""Encoders from a configuration and, for a finished run, from its checkpoint."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from fmclust.errors import UserError, reading, refuse_bomb
from fmclust.models.encoder import Encoder
from fmclust.trust import build

PREFIX = "encoder."  # of an encoder's weights in a checkpoint: the LightningModule's attribute


def build_encoder(settings: DictConfig, image_size: Sequence[int]) -> Encoder:
    """Build the encoder that the configuration group `model` describes, with new weights.

    Args:
        settings: `_target_`, its arguments, and `name`.
        image_size: Height and width of the images in pixels.

    Raises:
        UserError: If it names no encoder, or the encoder refuses its arguments.
    """
    if not isinstance(settings, DictConfig):
        return build(settings, Encoder)
    plain: Any = OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
    plain.pop("name", None)
    encoder = build(OmegaConf.create(plain), Encoder, image_size=[*image_size])
    if not encoder.trains and type(encoder).training_losses is not Encoder.training_losses:
        raise UserError(
            f"{type(encoder).__name__} has training_losses but would not be trained: write "
            "trains = True in the class."
        )
    return encoder


def load_weights(encoder: Encoder, path: Path) -> None:
    """Put the weights of a checkpoint into an encoder.

    Raises:
        UserError: If the file is damaged, or of another encoder.
    """
    weights = read_checkpoint(path).get("state_dict", {})
    own = {k.removeprefix(PREFIX): v for k, v in weights.items() if k.startswith(PREFIX)}
    with reading(path):
        encoder.load_state_dict(own)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of Lightning's: weights and plain values, nothing that could run.

    Args:
        path: The file.

    Returns:
        What it holds, on the CPU.

    Raises:
        UserError: If it is damaged, or holds more than that.
    """
    try:
        refuse_bomb(path)
        with zipfile.ZipFile(path) as file:  # torch compares no checksums
            damaged = file.testzip()
        if damaged is not None:
            raise ValueError(damaged)
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:  # torch raises nearly anything, and advises to trust the file
        raise UserError(f"{path} is damaged, or holds more than weights.") from error
