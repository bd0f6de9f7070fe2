"""Images to latents and back: networks, and the one LightningModule that trains them."""

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.encoding import decode_all, encode_all, to_uint8
from fmclust.models.pixels import Pixels

__all__ = ["Autoencoder", "Pixels", "decode_all", "encode_all", "to_uint8"]
