"""Features of a network of torchvision that was trained elsewhere."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from fmclust.errors import UserError, one_line, reading, require_option
from fmclust.models.encoder import Encoder
from fmclust.models.loading import load_state

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

DEFAULT = "DEFAULT"  # the best weights that torchvision has for a network
BATCH = 32  # images; more need more memory, and are not faster
# Torchvision sets these itself only if it also loads the weights.
NORMALIZED_AGAIN = {"transform_input": True, "init_weights": False}
OPTIONS = {"googlenet": NORMALIZED_AGAIN, "inception_v3": NORMALIZED_AGAIN}
OLD_NAMES = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")  # in torchvision's DenseNets
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


class Pretrained(Encoder):
    """Encode images as the features before the last layer of a network of torchvision.

    Nothing is trained. Images are resized, cropped and normalized as the network's `DEFAULT`
    weights ask; gray images get three equal channels.

    Args:
        image_shape: Channels, height and width of the images.
        backbone: One of `torchvision.models.list_models(module=torchvision.models)` whose last
            layer is linear.
        weights: `DEFAULT`, which is downloaded, or a file with the state dict of the network.
        encode_precision: `float32`, or `bf16` for convolutions and products in bfloat16.

    Raises:
        UserError: If an option is unknown, or the network has no linear last layer.
    """

    is_pretrained = True

    def __init__(
        self,
        *,
        image_shape: Sequence[int],  # noqa: ARG002 - given to every encoder
        backbone: str,
        weights: str,
        encode_precision: str,
    ) -> None:
        super().__init__()
        from torchvision import models  # slow to import, and other encoders do without

        require_option("model.backbone", backbone, models.list_models(module=models))
        require_option("model.encode_precision", encode_precision, PRECISIONS)
        self.backbone, self.weights = backbone, weights
        self.precision = PRECISIONS[encode_precision]
        self.prepare = self._default.transforms()
        options = OPTIONS.get(backbone, {})
        if backbone.startswith("vit_"):  # with a position embedding for each patch
            options = {"image_size": self.prepare.crop_size[0]}
        network = models.get_model(backbone, weights=None, **options)
        self.head = _last_linear_layer(backbone, network)
        parent, _, name = self.head.rpartition(".")
        setattr(network.get_submodule(parent), name, nn.Identity())
        self.network = network.to(memory_format=torch.channels_last)

    def encode(self, images: Tensor) -> Tensor:
        """Map uint8 images of shape (N, C, H, W) to float32 features of shape (N, d)."""
        enabled = self.precision is not torch.float32
        with torch.autocast(images.device.type, dtype=self.precision, enabled=enabled):
            return torch.cat([self._features(part) for part in images.split(BATCH)])

    def _features(self, images: Tensor) -> Tensor:
        pixels: Tensor = self.prepare(images.expand(-1, 3, -1, -1))
        features: Tensor = self.network(pixels.contiguous(memory_format=torch.channels_last))
        return features.flatten(1).float()

    def fetch_weights(self) -> None:
        """Download the weights, or read them from a file; see `Encoder.fetch_weights`."""
        is_default = self.weights == DEFAULT
        state = self._download() if is_default else _read_state(Path(self.weights))
        named = {OLD_NAMES.sub(r"\1\2", name): value for name, value in state.items()}
        own = {k: v for k, v in named.items() if not k.startswith(f"{self.head}.")}
        try:
            load_state(self.network, own)
        except ValueError as error:
            raise UserError(
                f"model.backbone={self.backbone} does not fit {self.weights}, {error}: "
                "type model.backbone= with the network that the weights are of."
            ) from error

    @property
    def _default(self) -> "WeightsEnum":
        from torchvision import models

        best: WeightsEnum = models.get_model_weights(self.backbone).DEFAULT
        return best

    def _download(self) -> Mapping[str, Any]:
        best = self._default
        try:
            state: Mapping[str, Any] = best.get_state_dict(
                progress=True, check_hash=True, weights_only=True
            )
        except (URLError, OSError, RuntimeError) as error:
            raise UserError(
                f"the weights of {self.backbone} can't be downloaded ({one_line(error)}): fetch "
                f"{best.url} in another way, and type model.weights=<that file>."
            ) from error
        return state


def require_weights(settings: DictConfig) -> None:
    """Check that the file of `model.weights` exists, and make its path absolute.

    Args:
        settings: The configuration group `model`.

    Raises:
        UserError: If there is no such file.
    """
    weights = settings.get("weights")
    if weights is None or weights == DEFAULT:
        return
    settings.weights = os.path.abspath(str(weights))
    if not Path(settings.weights).is_file():
        raise UserError(
            f"model.weights={weights} is not a file: type model.weights=<a file with a state "
            f"dict>, or model.weights={DEFAULT}, which is downloaded."
        )


def _last_linear_layer(backbone: str, network: nn.Module) -> str:
    """Return the name of the last layer of a network.

    Raises:
        UserError: If that layer is not linear.
    """
    leaves = [(name, layer) for name, layer in network.named_modules() if not [*layer.children()]]
    name, last = leaves[-1]
    if isinstance(last, nn.Linear):
        return str(name)
    raise UserError(
        f"model.backbone={backbone} ends in a layer {type(last).__name__}, not in a linear one: "
        "type model.backbone=resnet18, for example."
    )


def _read_state(path: Path) -> Mapping[str, Any]:
    """Read a state dict, or the one in a checkpoint, without running code from the file.

    Names may begin with `module.`, as those of a `DataParallel` do.

    Raises:
        UserError: If the file is damaged, or holds anything else.
    """
    with reading(path):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except UnpicklingError as error:  # whose text advises to load the file unsafely
            raise ValueError("it holds other objects than tensors: save a state dict") from error
        state = state.get("state_dict", state) if isinstance(state, Mapping) else None
        if state is None or not all(isinstance(value, Tensor) for value in state.values()):
            raise ValueError("it is not the state dict of a network")
        return {name.removeprefix("module."): value for name, value in state.items()}
