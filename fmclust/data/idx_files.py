"""The user's images in the idx format."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fmclust.data.idx import TYPES, read_idx
from fmclust.data.kinds import other_option
from fmclust.data.labels import classes_of, require_marker, warnings_about_markers, whole_labels
from fmclust.data.sources import ImageSource
from fmclust.data.splits import Split, divide
from fmclust.errors import UserError, require_bool, require_option

# MNIST's names, and those of EMNIST, QMNIST, Kaggle and 7-Zip: a prefix, a dot before idx.
NAME = re.compile(
    r"(?:(?P<prefix>.+)[-_.])?(?P<split>train|t10k|test)[-_.](?P<kind>images|labels)"
    r"[-_.]idx\d?(?:[-_.][a-z\d]+)?(?:\.gz)?",
    re.IGNORECASE,
)
HELD_OUT = ("t10k", "test")  # two names of the same split
TABLE_COLUMNS = 8  # of QMNIST's int32 labels; the first is the class

Files: TypeAlias = Mapping[tuple[str, str], Path]  # (split, kind) to file


class IdxFiles(ImageSource):
    """Images in the idx format, in files named like MNIST's, with or without labels.

    Args:
        root: Folder with `train-images-idx3-ubyte` (plain or .gz) and, optionally,
            `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`; all
            may have a prefix, `test` instead of `t10k`, and a dot before `idx`. The first half of
            the t10k images is val, the rest is test; if there are none, two random tenths of
            the train images are val and test.
        prefix: What the names of the files begin with, such as `emnist-letters`, where the folder
            holds several sets.
        invert: Whether to swap dark and light, for images that are dark on a light background.
        unlabelled: Label of images that have none: they are clustered but not scored.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        *,
        root: str,
        prefix: str | None = None,
        invert: bool = False,
        unlabelled: int | None = None,
    ) -> None:
        super().__init__()
        require_bool("data.invert", invert)
        require_marker(unlabelled)
        self.invert = invert
        self.root, self.unlabelled = Path(root), unlabelled
        self.prefix = None if prefix is None else str(prefix)  # a number, too

    def read(self) -> dict[str, Split]:
        """Read the files; see `ImageSource.read`."""
        files = self._files()
        images = {name: read_idx(path) for (name, kind), path in files.items() if kind == "images"}
        labels = {
            name: self._labels(path) for (name, kind), path in files.items() if kind == "labels"
        }
        for name in images:
            self._require_pair(name, images[name], labels.get(name))
        if len({array.shape[1:] for array in images.values()}) > 1:
            sizes = {name: "x".join(map(str, array.shape[1:])) for name, array in images.items()}
            raise UserError(
                f"{self.root}: train images have {sizes['train']} pixels, t10k images "
                f"{sizes['t10k']}: put files of one size there."
            )
        classes = self._classes({name: labels[name] for name in images if name in labels})
        if self.invert:
            images = {name: 255 - array for name, array in images.items()}
        made = {name: Split.from_arrays(images[name], classes.get(name)) for name in images}
        splits = divide(made["train"], made.get("t10k"))
        for name, split in splits.items():
            if not len(split):
                raise UserError(f"{self.root} holds too few images: its {name} split is empty.")
        return splits

    def rank(self, name: str) -> int:
        """Return the position of an image if the set is divided; see `ImageSource.rank`."""
        return int(name) if name.isdecimal() else 0

    def _classes(self, labels: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
        """Set `class_names`; return split to classes."""
        names, classes = classes_of(labels, self.unlabelled)
        self.class_names = names or None
        if labels:
            found = any((ids == self.unlabelled).any() for ids in labels.values())
            self.warnings += warnings_about_markers(names, self.unlabelled, found=found)
        elif near := [path.name for path in self.root.glob("*[lL]abel*")]:
            hint = "labels are files named like train-labels-idx1-ubyte"
            self.warnings.append(f"{', '.join(sorted(near)[:3])} is not used: {hint}")
        return classes

    def _labels(self, path: Path) -> NDArray[np.int64]:
        """Read labels of any type of numbers; of QMNIST's table, the first column."""
        labels = read_idx(path, types=TYPES)
        if labels.ndim == 2 and labels.shape[1] == TABLE_COLUMNS and labels.dtype == ">i4":
            labels = labels[:, 0]
        return whole_labels(labels, str(path))

    def _require_pair(
        self, name: str, images: NDArray[np.uint8], labels: NDArray[np.int64] | None
    ) -> None:
        if images.ndim != 3 or (labels is not None and labels.shape != images.shape[:1]):
            shapes = f"images {images.shape}, labels {None if labels is None else labels.shape}"
            raise UserError(f"{self.root}: {name} has {shapes}, expected (N, H, W) and (N,).")

    def _files(self) -> Files:
        """Return the files of the set, of which the folder must hold one.

        Raises:
            UserError: If there are no images to train on, several sets, or several files of one
                kind.
        """
        found: dict[str, dict[tuple[str, str], list[Path]]] = {}
        for path, prefix, key in _named_files(self.root):
            found.setdefault(prefix, {}).setdefault(key, []).append(path)
        sets = {prefix: files for prefix, files in found.items() if ("train", "images") in files}
        if not sets:
            below = _folder_below(self.root)
            typed = other_option(self.root, "idx", "data.root=<the folder that holds it>")
            if below is not None:
                typed = shlex.quote(f"data.root={below}")
            raise UserError(f"no train-images-idx3-ubyte (or .gz) in {self.root}: type {typed}.")
        if self.prefix is None and len(sets) > 1:
            options = " or ".join(f"data.prefix={prefix}" for prefix in sets)
            raise UserError(f"{self.root} holds {len(sets)} sets of files: type {options}.")
        prefix = next(iter(sets)) if self.prefix is None else self.prefix
        require_option("data.prefix", prefix, sets)
        for paths in sets[prefix].values():
            if len({path.name.removesuffix(".gz") for path in paths}) > 1:
                names = " and ".join(path.name for path in paths)
                advice = "type data.root=<a folder with one of them>"
                raise UserError(f"{self.root} holds {names}: {advice}.")
        return {key: paths[0] for key, paths in sets[prefix].items()}


def _named_files(folder: Path) -> Iterator[tuple[Path, str, tuple[str, str]]]:
    """Yield the idx files of a folder: path, prefix, split and kind; of two, the .gz first."""
    paths = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(paths, key=lambda path: (path.suffix != ".gz", path.name)):
        named = NAME.fullmatch(path.name)
        if named is not None and path.is_file():
            split, kind = named["split"].lower(), named["kind"].lower()
            yield path, named["prefix"] or "", ("t10k" if split in HELD_OUT else split, kind)


def image_files(folder: Path, prefix: str | None = None) -> list[Path]:
    """Return the files of images in a folder, those to train on first.

    Args:
        folder: The folder.
        prefix: What their names begin with; all files are returned if it is None, or none has it.
    """
    files = [*_named_files(folder)]
    files = [file for file in files if file[1] == prefix] or files
    found: dict[str, tuple[bool, Path]] = {}
    for path, _, (split, kind) in files:
        if kind == "images":  # plain or .gz, not both
            found.setdefault(path.name.removesuffix(".gz"), (split != "train", path))
    return [path for _, path in sorted(found.values())]


def _folder_below(folder: Path) -> Path | None:
    """Return the first folder, up to two levels below another, with images to train on."""
    below = sorted(path for pattern in ("*/", "*/*/") for path in folder.glob(pattern))
    for path in below:
        if any(key == ("train", "images") for *_, key in _named_files(path)):
            return path
    return None
