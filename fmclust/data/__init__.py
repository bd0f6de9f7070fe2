"""Where images come from, the paper's split, and batches."""

from fmclust.data.datamodules import (
    DigitsDataModule,
    FashionMNISTDataModule,
    IdxDataModule,
    ImageDataModule,
)
from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.splits import Split

__all__ = [
    "DigitsDataModule",
    "EpochOrder",
    "FashionMNISTDataModule",
    "IdxDataModule",
    "ImageDataModule",
    "ResidentLoader",
    "Split",
]
