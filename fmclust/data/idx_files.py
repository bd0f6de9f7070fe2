"""Anyone's images in the idx format."""

from pathlib import Path

import numpy as np

from fmclust.data.idx import read_idx
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split
from fmclust.errors import UserError


class IdxFiles(ImageSource):
    """Anyone's images in the idx format, named as MNIST's files are, with or without labels.

    Args:
        root: Folder with `train-images-idx3-ubyte` (plain or .gz) and, where they exist,
            `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. The
            first half of the t10k images is val, the rest is test; without them, the last two
            tenths of the train images are val and test.
    """

    def __init__(self, *, root: str) -> None:
        super().__init__()
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
        if held_out.images.shape[1:] != train.images.shape[1:]:
            sizes = [f"{h}x{w}" for h, w in (s.images.shape[2:] for s in (train, held_out))]
            raise UserError(
                f"{self.root}: train images have {sizes[0]} pixels, t10k images {sizes[1]}: "
                "put files of one size there."
            )
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
                array = read_idx(path)
                if array.ndim != ndim:
                    raise UserError(f"{path} has shape {array.shape}, expected {ndim} axes.")
                return array
        return None
