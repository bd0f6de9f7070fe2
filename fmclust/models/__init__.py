"""Images to latents and back: networks, and the one LightningModule that trains them."""

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.encoding import encode_all
from fmclust.models.pixels import Pixels

__all__ = ["Autoencoder", "Pixels", "encode_all"]
