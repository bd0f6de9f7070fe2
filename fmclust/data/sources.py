"""The base class of image sources: data sets as splits in memory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fmclust.data.splits import Split
from fmclust.errors import UserError
from fmclust.trust import build

LOADER_KEYS = ("batch_size", "seed")  # keys of the group `data` that configure ImageDataModule
MAX_LOOKED_AT = 1000  # images of a split
DARK = 16  # of 255: brightness up to which an image looks black
MAX_SIDE = 1024  # height and width in pixels; bounds the encoder that a saved run asks for


class ImageSource(ABC):
    """Images and, if any, labels. They are read when `splits` is first used.

    Attributes:
        class_names: A name for every class, set when `splits` is read; None if there are no labels.
        warnings: Sentences about files that were left out or differ from the others.
        unreadable: Each file and folder that can't be read, to the reason.
        ranges: Pixel type to the values that became 0 and 255, for types other than 8-bit.
        in_memory: Whether the images are in memory, rather than in a memory-mapped file.
    """

    class_names: tuple[str, ...] | None = None
    in_memory = True

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.unreadable: dict[str, str] = {}
        self.ranges: Mapping[str, tuple[float, float]] = {}

    @abstractmethod
    def read(self) -> dict[str, Split]:
        """Return `train`, `val` and `test`, or the one split `all`.

        Raises:
            UserError: If the images are missing or damaged.
        """

    def rank(self, name: str) -> Any:  # noqa: ARG002 - a subclass's
        """Return a key by which names of images sort as in the input; equal: as in the splits."""
        return 0

    @cached_property
    def splits(self) -> dict[str, Split]:
        """Name of each split to its images and labels.

        Raises:
            UserError: If the images are missing, damaged or too large.
        """
        splits = self.read()
        height, width = next(iter(splits.values())).images.shape[2:]
        if max(height, width) > MAX_SIDE:
            size = f"{height}x{width} pixels, more than {MAX_SIDE} a side"
            raise UserError(f"the images have {size}: save them in a smaller size.")
        self._warn_if_dark(splits)
        return splits

    def _warn_if_dark(self, splits: Mapping[str, Split]) -> None:
        """Warn if the images, of which some are looked at, are nearly black.

        Masks of 0 and 1 that are saved with 8 bits, for example.
        """
        looked_at = [held.images[:: -(-len(held) // MAX_LOOKED_AT)] for held in splits.values()]
        brightest = max(int(images.max()) for images in looked_at)
        if 0 < brightest <= DARK:
            self.warnings.append(
                f"no pixel is brighter than {brightest} of 255: save the images with more contrast"
            )

    @property
    def fitted_split(self) -> str:
        """Name of the split that encoders and clusterers are fitted on."""
        return "train" if "train" in self.splits else "all"

    @property
    def shown_split(self) -> str:
        """Name of the split that figures and pages show: `test` if there is one, else `all`."""
        return "test" if "test" in self.splits else "all"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels (1 or 3), height and width of the images."""
        channels, height, width = self.splits[self.fitted_split].images.shape[1:]
        return channels, height, width


def build_source(settings: DictConfig) -> ImageSource:
    """Build the source that the configuration group `data` describes.

    Raises:
        UserError: If it does not name an image source, or the source refuses its arguments.
    """
    if isinstance(settings, DictConfig):
        plain: Any = OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
        own = {key: value for key, value in plain.items() if key not in LOADER_KEYS}
        settings = OmegaConf.create(own)
    source: ImageSource = build(settings, ImageSource)  # refuses anything but a dictionary
    return source
