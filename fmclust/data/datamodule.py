"""An image source as a LightningDataModule: batches from images that lie on the device."""

from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningDataModule
from torch import Tensor

from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.sources import LOADER_KEYS, ImageSource
from fmclust.errors import UserError, require_whole


class ImageDataModule(LightningDataModule):
    """Hands out batches of a source to a Trainer.

    Args:
        source: Whose splits are trained on and validated with.
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.

    Raises:
        UserError: If a number is out of range.
    """

    def __init__(self, source: ImageSource, *, batch_size: int = 256, seed: int | None = 0) -> None:
        super().__init__()
        require_whole("data.batch_size", batch_size, 1)
        if seed is not None:
            require_whole("data.seed", seed, 0)
        self.source, self.batch_size, self.seed = source, batch_size, seed
        self._on_device: dict[str, Tensor] = {}

    @property
    def val_split(self) -> str:
        """Name of the split that `loss/val` is of."""
        return "val" if "val" in self.source.splits else self.source.fitted_split

    def train_dataloader(self) -> ResidentLoader:
        return self._loader(self.source.fitted_split, seed=self.seed)

    def val_dataloader(self) -> ResidentLoader:
        return self._loader(self.val_split)

    def _loader(self, name: str, seed: int | None = None) -> ResidentLoader:
        if self.trainer is None:
            raise RuntimeError("batches are for a Trainer; without one, read `source.splits`")
        n_images, n_processes = len(self.source.splits[name]), self.trainer.world_size
        if n_images < n_processes:
            raise UserError(
                f"{name} has {n_images} images, fewer than the {n_processes} processes: type "
                f"trainer.devices= with at most {n_images}."
            )
        order = EpochOrder(
            n_images,
            self.batch_size,
            seed=seed,
            rank=self.trainer.global_rank,
            world_size=n_processes,
        )
        return ResidentLoader(self._placed(name), order)

    def _placed(self, name: str) -> Tensor:
        """Return the images of a split, moved to the device once if they fit there."""
        if name not in self._on_device:
            images = self.source.splits[name].images
            device = self.trainer.strategy.root_device  # type: ignore[union-attr]
            if self.source.in_memory and _fits(images, device):
                images = images.to(device)
            self._on_device[name] = images
        return self._on_device[name]


def loader_settings(settings: DictConfig) -> dict[str, Any]:
    """Return what the configuration group `data` says of batches."""
    return {key: settings[key] for key in LOADER_KEYS if key in settings}


def _fits(images: Tensor, device: torch.device) -> bool:
    """Whether images fill less than half of the free memory of a device."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes < free // 2
