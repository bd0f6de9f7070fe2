"""What encoded the images of a finished run, from its checkpoint."""

from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from fmclust.errors import UserError, blaming
from fmclust.models import Autoencoder, Pixels, read_checkpoint
from fmclust.runs import BEST_CHECKPOINT, LAST_CHECKPOINT, verified
from fmclust.targets import build


def load_encoder(
    directory: Path, config: DictConfig, image_size: tuple[int, int]
) -> Autoencoder | Pixels:
    """Builds what encoded a run's images, on the GPU if there is one.

    Args:
        directory: A finished run's.
        config: Its configuration.
        image_size: Height and width of its images in pixels.

    Raises:
        UserError: If the weights are gone or damaged.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if config.model._target_.endswith(Pixels.__name__):
        return build(config.model, nn.Module, image_size=image_size).to(device)
    name = BEST_CHECKPOINT if config.encode_from == "best" else LAST_CHECKPOINT
    path = verified(directory, name)
    if not path.exists():
        raise UserError(f"{path} is missing: put it back, or train again.")
    checkpoint = read_checkpoint(path)
    with blaming(path):
        model = Autoencoder(**checkpoint["hyper_parameters"])
        model.load_state_dict(checkpoint["state_dict"])
    return model.to(device).eval()
