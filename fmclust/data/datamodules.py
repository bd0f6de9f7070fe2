"""LightningDataModules: a data set as splits in memory and as batches on the device."""

from abc import abstractmethod
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.nn.functional import interpolate

from fmclust.data import fashion_mnist
from fmclust.data.download import locate_or_download
from fmclust.data.idx import parse_idx, read_bytes
from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.splits import Split
from fmclust.errors import UserError, require_option, require_whole


class ImageDataModule(LightningDataModule):
    """Holds every split as uint8 in memory and hands out batches from the training device.

    Args:
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    class_names: tuple[str, ...] | None = None

    def __init__(self, *, batch_size: int, seed: int | None) -> None:
        super().__init__()
        require_whole("data.batch_size", batch_size, 1)
        if seed is not None:
            require_whole("data.seed", seed, 0)
        self.batch_size, self.seed = batch_size, seed
        self.splits: dict[str, Split] = {}

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
        return ResidentLoader(self.splits[name].images.to(self.trainer.strategy.root_device), order)


class FashionMNISTDataModule(ImageDataModule):
    """Fashion-MNIST, split as in the paper (section 2) or as a whole (section 3).

    Args:
        root: Folder in torchvision's layout, `<root>/FashionMNIST/raw`; read first, and where
            a download goes.
        split: `paper`: train is the 60,000 training images, val the first and test the last
            5,000 of the test file. `all`: all 70,000 as one split.
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    class_names = fashion_mnist.CLASSES

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
        arrays = fashion_mnist.read_verified(locate_or_download(self.root))
        train, held_out = (
            Split.from_arrays(
                arrays[f"{name}-images-idx3-ubyte"], arrays[f"{name}-labels-idx1-ubyte"]
            )
            for name in ("train", "t10k")
        )
        if self.split == "all":
            return {"all": train + held_out}
        return {"train": train, "val": held_out[:5000], "test": held_out[5000:]}


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


class IdxDataModule(ImageDataModule):
    """Anyone's images in the idx format, named as MNIST's files are, with or without labels.

    Args:
        root: Folder with `train-images-idx3-ubyte` (plain or .gz) and, where they exist,
            `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. The
            first half of the t10k images is val, the rest is test; without them, the last two
            tenths of the train images are val and test.
        batch_size: The most images of a batch in one process.
        seed: What the order of the images is drawn from, with the epoch; None keeps the file's.
    """

    def __init__(self, *, root: str, batch_size: int = 256, seed: int | None = 0) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.root = Path(root)

    def read(self) -> dict[str, Split]:
        train = self._read_file("train")
        if train is None:
            raise UserError(
                f"no train-images-idx3-ubyte (or .gz) in {self.root}: "
                "type data.root=<the folder that holds it>."
            )
        held_out = self._read_file("t10k")
        if held_out is None:
            cut = len(train) - 2 * (len(train) // 10)
            train, held_out = train[:cut], train[cut:]
        half = len(held_out) // 2
        splits = {"train": train, "val": held_out[:half], "test": held_out[half:]}
        for name, split in splits.items():
            if not len(split):
                raise UserError(f"{self.root} holds too few images: its {name} split is empty.")
        labels = [split.labels for split in splits.values() if split.labels is not None]
        if labels:
            n_classes = 1 + max(int(ids.max()) for ids in labels)
            self.class_names = tuple(str(cls) for cls in range(n_classes))
        return splits

    def _read_file(self, name: str) -> Split | None:
        images = self._read_array(f"{name}-images-idx3-ubyte", ndim=3)
        labels = self._read_array(f"{name}-labels-idx1-ubyte", ndim=1)
        if images is None:
            return None
        if labels is not None and len(labels) != len(images):
            raise UserError(f"{self.root}: {len(images)} {name} images but {len(labels)} labels.")
        return Split.from_arrays(images, labels)

    def _read_array(self, name: str, ndim: int) -> np.ndarray | None:
        for path in (self.root / name, self.root / f"{name}.gz"):
            if path.exists():
                array = parse_idx(read_bytes(path), str(path))
                if array.ndim != ndim:
                    raise UserError(f"{path} has shape {array.shape}, expected {ndim} axes.")
                return array
        return None
