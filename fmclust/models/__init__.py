"""Images to latents and back: networks, and the one LightningModule that trains them."""

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.pixels import Pixels

__all__ = ["Autoencoder", "Pixels"]
