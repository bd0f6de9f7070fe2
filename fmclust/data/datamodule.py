"""An image source as a LightningDataModule, with its images on the device that trains."""

from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningDataModule
from torch import Tensor

from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.sources import LOADER_KEYS, ImageSource
from fmclust.errors import UserError, require_whole

BATCH_SIZES = (256, 128, 64, 32, 16)
MIN_STEPS = 20  # of an epoch


class ImageDataModule(LightningDataModule):
    """Batches of an image source for a Trainer.

    Args:
        source: The images to train on and validate with.
        batch_size: Maximum number of images in a batch of one process; None: see
            `used_batch_size`.
        seed: Seed of the order of the images, together with the epoch. None: the images keep
            their order.

    Raises:
        UserError: If a number is out of range.
    """

    def __init__(
        self, source: ImageSource, *, batch_size: int | None = None, seed: int | None = 0
    ) -> None:
        super().__init__()
        if batch_size is not None:
            require_whole("data.batch_size", batch_size, 1)
        if seed is not None:
            require_whole("data.seed", seed, 0)
        self.source, self.batch_size, self.seed = source, batch_size, seed
        self._on_device: dict[str, Tensor] = {}

    def used_batch_size(self, n_processes: int) -> int:
        """Return the batch size, or one that follows the number of images if it is None.

        It is then the largest of `BATCH_SIZES` that gives each process at least `MIN_STEPS` steps
        in an epoch, or else the smallest.
        """
        if self.batch_size is not None:
            return self.batch_size
        n_images = len(self.source.splits[self.source.fitted_split]) // n_processes
        enough = (size for size in BATCH_SIZES if -(-n_images // size) >= MIN_STEPS)
        return next(enough, BATCH_SIZES[-1])

    def train_dataloader(self) -> ResidentLoader:
        """Return the batches of one epoch of training, in random order."""
        return self._loader(self.source.fitted_split, seed=self.seed)

    def val_dataloader(self) -> ResidentLoader:
        """Return the batches of the validation images, in their order.

        A source without the split `val` is validated on the images that are trained on.
        """
        return self._loader("val" if "val" in self.source.splits else self.source.fitted_split)

    def _loader(self, name: str, seed: int | None = None) -> ResidentLoader:
        if self.trainer is None:
            raise RuntimeError("batches need a Trainer; read `source.splits` instead")
        n_images, n_processes = len(self.source.splits[name]), self.trainer.world_size
        if n_images < n_processes:
            problem = f"{name} has {n_images} images, fewer than the {n_processes} processes"
            raise UserError(f"{problem}: type trainer.devices= with at most {n_images}.")
        batch_size, rank = self.used_batch_size(n_processes), self.trainer.global_rank
        order = EpochOrder(n_images, batch_size, seed=seed, rank=rank, world_size=n_processes)
        if name not in self._on_device:
            device = self.trainer.strategy.root_device
            self._on_device[name] = self._placed(self.source.splits[name].images, device)
        return ResidentLoader(self._on_device[name], order)

    def _placed(self, images: Tensor, device: torch.device) -> Tensor:
        """Move images to a device, unless they would fill half of its free memory."""
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if images.nbytes >= free // 2:
                return images
        return images.to(device) if self.source.in_memory else images


def loader_settings(settings: DictConfig) -> dict[str, Any]:
    """Return the keys of the configuration group `data` that configure `ImageDataModule`."""
    return {key: settings[key] for key in LOADER_KEYS if key in settings}
