"""LightningDataModules: a data set as splits in memory and as batches on the device."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.nn.functional import interpolate

from fmclust.data import fashion_mnist, siblings
from fmclust.data.download import locate_or_download
from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_option, require_whole

VAL = 5000  # of the test file, the paper's section 2


class ImageDataModule(LightningDataModule):
    """Holds every split as uint8 in memory and hands out batches from the training device.

    Args:
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.

    Attributes:
        class_names: A name for every class; None without labels.
        splits: Name to images and labels, once set up.
        warnings: What was left out, in words.
        resident: Whether the images go to the device as a whole, or, too large, batch by batch.
    """

    class_names: tuple[str, ...] | None = None

    def __init__(self, *, batch_size: int, seed: int | None) -> None:
        super().__init__()
        require_whole("data.batch_size", batch_size, 1)
        if seed is not None:
            require_whole("data.seed", seed, 0)
        self.batch_size, self.seed = batch_size, seed
        self.splits: dict[str, Split] = {}
        self.warnings: list[str] = []
        self.resident = True

    @abstractmethod
    def read(self) -> dict[str, Split]:
        """Returns `train`, `val` and `test`, or the one split `all`."""

    @property
    def fitted_split(self) -> str:
        """Name of the split that networks and clusterers are fitted on."""
        return "train" if "train" in self.splits else "all"

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images in pixels."""
        height, width = self.splits[self.fitted_split].images.shape[-2:]
        return height, width

    def setup(self, stage: str | None = None) -> None:
        if not self.splits:
            self.splits = self.read()

    def train_dataloader(self) -> ResidentLoader:
        return self._loader(self.fitted_split, seed=self.seed)

    def val_dataloader(self) -> ResidentLoader:
        return self._loader("val" if "val" in self.splits else "all")

    def _loader(self, name: str, seed: int | None = None) -> ResidentLoader:
        if self.trainer is None:
            raise RuntimeError("batches are for a Trainer; without one, read `splits`")
        order = EpochOrder(
            len(self.splits[name]),
            self.batch_size,
            seed=seed,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
        )
        images = self.splits[name].images
        if self.resident:
            images = images.to(self.trainer.strategy.root_device)
        return ResidentLoader(images, order)


class FourFilesDataModule(ImageDataModule):
    """MNIST's form, split as the paper splits Fashion-MNIST (section 2) or as a whole (section 3).

    Args:
        root: Folder in torchvision's layout, `<root>/<name>/raw`; read first, and where a
            download goes.
        split: `paper`: train is the 60,000 training images, val the first and test the last
            5,000 of the test file. `all`: all 70,000 as one split.
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    def __init__(
        self,
        *,
        root: str = "data",
        split: str = "paper",
        batch_size: int = 256,
        seed: int | None = 0,
    ) -> None:
        require_option("data.split", split, ("paper", "all"))
        super().__init__(batch_size=batch_size, seed=seed)
        self.root, self.split = Path(root), split

    def read(self) -> dict[str, Split]:
        arrays = self.read_files()
        self._check(arrays)
        train, held_out = (
            Split.from_arrays(
                arrays[f"{name}-images-idx3-ubyte"], arrays[f"{name}-labels-idx1-ubyte"]
            )
            for name in ("train", "t10k")
        )
        if self.split == "all":
            return {"all": train + held_out}
        return {"train": train, "val": held_out[:VAL], "test": held_out[VAL:]}

    def _check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Refuses files of another data set: not all of them have a known checksum."""
        for name, least in (("train", 1), ("t10k", VAL + 1)):
            images = arrays[f"{name}-images-idx3-ubyte"]
            labels = arrays[f"{name}-labels-idx1-ubyte"]
            fits = images.ndim == 3 and labels.shape == images.shape[:1] and len(labels) >= least
            if not fits or labels.max() >= len(self.class_names or ()):
                raise UserError(
                    f"the {name} files below {self.root} are of another data set (images "
                    f"{images.shape}, labels {labels.shape}): type data=idx data.root=<folder>."
                )

    @abstractmethod
    def read_files(self) -> dict[str, np.ndarray]:
        """Returns the name of each file with its uint8 array."""


class FashionMNISTDataModule(FourFilesDataModule):
    """Fashion-MNIST, split as in the paper (section 2) or as a whole (section 3)."""

    class_names = fashion_mnist.CLASSES

    def read_files(self) -> dict[str, np.ndarray]:
        return fashion_mnist.read_verified(locate_or_download(self.root))


class MNISTDataModule(FourFilesDataModule):
    """MNIST's handwritten digits, split as Fashion-MNIST is."""

    class_names = siblings.CLASSES["MNIST"]

    def read_files(self) -> dict[str, np.ndarray]:
        return siblings.read_or_download("MNIST", self.root)


class KMNISTDataModule(FourFilesDataModule):
    """Kuzushiji-MNIST's cursive characters, split as Fashion-MNIST is."""

    class_names = siblings.CLASSES["KMNIST"]

    def read_files(self) -> dict[str, np.ndarray]:
        return siblings.read_or_download("KMNIST", self.root)


class DigitsDataModule(ImageDataModule):
    """scikit-learn's bundled 8x8 digits, enlarged to 28x28: needs no file and trains in seconds.

    The 1,797 images in file order: 1,437 train, 180 val, 180 test.
    """

    class_names = tuple("0123456789")

    def __init__(self, *, batch_size: int = 256, seed: int | None = 0) -> None:
        super().__init__(batch_size=batch_size, seed=seed)

    def read(self) -> dict[str, Split]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        small = torch.from_numpy(digits.images[:, None] * (255 / 16))
        enlarged = interpolate(small, size=(28, 28), mode="bilinear").round().byte()
        whole = Split(enlarged, torch.from_numpy(digits.target))
        return {"train": whole[:1437], "val": whole[1437:1617], "test": whole[1617:]}
