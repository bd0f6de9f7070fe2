"""The user's images in the idx format."""

from pathlib import Path

from fmclust.data.idx import find_file, read_idx
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split, divide
from fmclust.errors import UserError


class IdxFiles(ImageSource):
    """Images in the idx format, in files named like MNIST's, with or without labels.

    Args:
        root: Folder with `train-images-idx3-ubyte` (plain or .gz) and, optionally,
            `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`. The
            first half of the t10k images is val, the rest is test; if there are none, the last
            two tenths of the train images are val and test.
    """

    def __init__(self, *, root: str) -> None:
        super().__init__()
        self.root = Path(root)

    def read(self) -> dict[str, Split]:
        """Read the files; see `ImageSource.read`."""
        train, held_out = self._read_split("train"), self._read_split("t10k")
        if train is None:
            advice = "type data.root=<the folder that holds it>"
            raise UserError(f"no train-images-idx3-ubyte (or .gz) in {self.root}: {advice}.")
        if held_out is not None and held_out.images.shape[1:] != train.images.shape[1:]:
            sizes = [f"{h}x{w}" for h, w in (s.images.shape[2:] for s in (train, held_out))]
            raise UserError(
                f"{self.root}: train images have {sizes[0]} pixels, t10k images {sizes[1]}: "
                "put files of one size there."
            )
        splits = divide(train, held_out)
        for name, split in splits.items():
            if not len(split):
                raise UserError(f"{self.root} holds too few images: its {name} split is empty.")
        labels = [split.labels for split in splits.values() if split.labels is not None]
        if labels:
            n_classes = 1 + max(int(ids.max()) for ids in labels)
            self.class_names = tuple(map(str, range(n_classes)))
        return splits

    def _read_split(self, name: str) -> Split | None:
        """Return the images and labels of one pair of files, or None if there are no images."""
        kinds = ("images-idx3", "labels-idx1")
        paths = [find_file(self.root, f"{name}-{kind}-ubyte") for kind in kinds]
        images, labels = (read_idx(path) if path.exists() else None for path in paths)
        if images is None:
            return None
        if images.ndim != 3 or (labels is not None and labels.shape != images.shape[:1]):
            shapes = f"images {images.shape}, labels {None if labels is None else labels.shape}"
            raise UserError(f"{self.root}: {name} has {shapes}, expected (N, H, W) and (N,).")
        return Split.from_arrays(images, labels)
