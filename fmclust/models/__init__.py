"""Encoders, which map images to latents and, if they have a decoder, latents to images."""

from fmclust.models.autoencoder import Autoencoder
from fmclust.models.batches import (
    batch_size,
    decode_all,
    encode_all,
    reconstruct_all,
    reconstruction_errors,
)
from fmclust.models.contrastive import Contrastive
from fmclust.models.encoder import Encoder, Prototypes
from fmclust.models.loading import build_encoder, load_weights, read_checkpoint, save_weights
from fmclust.models.pixels import Pixels
from fmclust.models.preprocessing import channels_last, to_uint8
from fmclust.models.pretrained import Pretrained, require_weights
