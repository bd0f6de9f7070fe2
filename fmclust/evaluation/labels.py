"""What is known of the images: the classes that scores compare with, and names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fmclust.data import Split


@dataclass(frozen=True)
class Labels:
    """Classes of the splits that have some; none at all for images without labels.

    Attributes:
        classes: Split to int64 array of shape (N,).
        names: A name for every class.
        images: Split to a name for every image, as far as they have some.
    """

    classes: Mapping[str, np.ndarray]
    names: Sequence[str]
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, splits: Mapping[str, Split], names: Sequence[str] | None) -> "Labels":
        """Takes the labels of the splits that have some."""
        classes = {n: s.labels.numpy() for n, s in splits.items() if s.labels is not None}
        images = {name: split.names for name, split in splits.items() if split.names}
        return cls(classes, names or (), images)

    def named(self, split: str) -> list[str] | None:
        """Returns the name of the class of every image of a split, or None without labels."""
        if split not in self.classes:
            return None
        return [self.names[cls] for cls in self.classes[split].tolist()]
