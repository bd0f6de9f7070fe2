"""Where images come from, the paper's split, and batches."""

from fmclust.data.datamodules import (
    DigitsDataModule,
    FashionMNISTDataModule,
    ImageDataModule,
    KMNISTDataModule,
    MNISTDataModule,
)
from fmclust.data.inputs import Batch, Input, open_input
from fmclust.data.loader import EpochOrder, ResidentLoader
from fmclust.data.own import FolderDataModule, IdxDataModule
from fmclust.data.pictures import border_brightness
from fmclust.data.splits import Split, sum_of

__all__ = [
    "Batch",
    "DigitsDataModule",
    "EpochOrder",
    "FashionMNISTDataModule",
    "FolderDataModule",
    "IdxDataModule",
    "ImageDataModule",
    "Input",
    "KMNISTDataModule",
    "MNISTDataModule",
    "ResidentLoader",
    "Split",
    "border_brightness",
    "open_input",
    "sum_of",
]
