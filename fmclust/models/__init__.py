"""Images to latents and back: networks, and the one LightningModule that trains them."""

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.checkpoints import read_checkpoint
from fmclust.models.encoding import (
    BATCH,
    decode_all,
    encode_all,
    reconstruct_all,
    reconstruction_errors,
    to_uint8,
)
from fmclust.models.pixels import Pixels

__all__ = [
    "BATCH",
    "Autoencoder",
    "Pixels",
    "decode_all",
    "encode_all",
    "read_checkpoint",
    "reconstruct_all",
    "reconstruction_errors",
    "to_uint8",
]
