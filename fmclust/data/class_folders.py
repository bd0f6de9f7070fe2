"""Derive the split and the class of pictures from the names of their folders."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath

from PIL import Image

# Words in the names of folders, in lower case.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing", "test1"), "test"),  # test1: Kaggle's Dogs vs. Cats
}
OTHER_WORDS = {"set", "data", "dataset", "images", "image", "imgs", "img", "seg", "split"}

Names = tuple[str, ...]  # the folders of a file and its own name


@dataclass(frozen=True)
class SplitFolders:
    """The folders of splits in a data set.

    Attributes:
        depth: Number of folders above them that hold nothing else.
        splits: Name of each folder to its split; empty if the folders are not splits.
    """

    depth: int
    splits: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[PurePath]) -> "SplitFolders":
        """Find them by their names: `train` and at least one of `val` and `test`.

        If all folders are named after splits, but none is `train`, all of them are `train`.

        Args:
            paths: The files, relative to their common folder.
        """
        pictures = [p.parts for p in paths if p.suffix.lower() in Image.registered_extensions()]
        parts = pictures or [path.parts for path in paths]
        depth = len(_common_folders(parts))
        folders = {names[depth] for names in parts if len(names) > depth + 1}
        splits = {name: split for name in sorted(folders) if (split := split_named(name))}
        if "train" in splits.values() and len({*splits.values()}) > 1:
            return cls(depth, splits)
        all_named = 1 < len(splits) == len({names[depth] for names in parts})
        return cls(depth, dict.fromkeys(splits, "train") if all_named else {})  # or as one split

    def split_of(self, path: PurePath) -> str | None:
        """Return the split of a file; None if it is beside the folders of the splits."""
        if not self.splits:
            return "train"
        names = path.parts
        return self.splits.get(names[self.depth]) if len(names) > self.depth + 1 else None

    def below(self, path: PurePath) -> Names:
        """Return the names on a path below the folder of its split."""
        return path.parts[self.depth + 1 :] if self.splits else path.parts


def split_named(folder: str) -> str | None:
    """Return the split that a folder is named after, such as `train` for `Training_set`."""
    words = re.split(r"[ _-]", folder.lower())
    splits = [SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS]
    others = {word for word in words if word not in SPLIT_WORDS}
    return splits[0] if len(splits) == 1 and others <= OTHER_WORDS else None


def class_folders(paths: Sequence[Names], known: Collection[str] = ()) -> list[str]:
    """Return the class folder of each file; empty for files beside the class folders.

    Args:
        paths: The names on the path of each file. Folders that hold all of them are skipped.
        known: Names of class folders, which are not skipped.
    """
    common = _common_folders(paths)
    depth = next((n for n, name in enumerate(common) if name in known), len(common))
    return [names[depth] if len(names) > depth + 1 else "" for names in paths]


def _common_folders(paths: Sequence[Names]) -> Names:
    """Return the folders, from the top, in which all files are."""
    folders = [names[:-1] for names in paths]
    first, last = min(folders, default=()), max(folders, default=())
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return tuple(name for name, _ in pairs)
