"""One epoch of training on Fashion-MNIST: the same network and batch size, three ways.

`python -m benchmarks.epoch`. fmclust trains as a job does, callbacks and TensorBoard included;
the usual way is Lightning with torchvision's data set and a DataLoader of two workers; the floor
is a bare loop over images in memory. A fit of two epochs is made each time and its second epoch
counts, validation left out.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from pytorch_lightning.callbacks import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

from benchmarks.measure import bare_epoch, interleaved, machine, table
from fmclust.config import conf_directory, register_schema
from fmclust.data import FashionMNISTDataModule
from fmclust.fit import quieten_lightning
from fmclust.job import run_job
from fmclust.models import Autoencoder

BATCH, ROUNDS = 256, 3
NETWORK = {"network": "convae", "latents": 10, "channels": [16, 32, 64]}


class Usual(pl.LightningModule):
    """The same network as most people would write its module."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Autoencoder(image_size=[28, 28], **NETWORK).network

    def training_step(self, batch: Any) -> torch.Tensor:
        images, _ = batch
        loss = mse_loss(self.network.decode(self.network.encode(images)), images)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class EpochClock(Callback):
    """Seconds of the training part of the last epoch."""

    def on_train_epoch_start(self, *_: Any) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def fmclust() -> float:
    """Returns the seconds of an epoch of our job, from the speed that it logs."""
    register_schema()
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        typed = ["trainer.max_epochs=2", "cluster=kmeans", f"data.batch_size={BATCH}"]
        config = compose("config", typed)
    with tempfile.TemporaryDirectory() as folder:
        run_job(config, Path(folder) / "run", typed)
        events = EventAccumulator(str(Path(folder) / "run"))
        events.Reload()
        return 60_000 / events.Scalars("speed/images_per_second")[-1].value


def usual(root: str) -> float:
    """Returns the seconds of an epoch the usual way."""
    loader = DataLoader(
        FashionMNIST(root, transform=ToTensor()),
        batch_size=BATCH,
        shuffle=True,
        num_workers=2,
        persistent_workers=True,
    )
    clock = EpochClock()
    trainer = pl.Trainer(
        max_epochs=2,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Usual(), loader)
    return clock.seconds


def bare(images: torch.Tensor) -> float:
    """Returns the seconds of an epoch of a loop with nothing around it."""
    network = Autoencoder(image_size=[28, 28], **NETWORK).network.to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(2):
        rows = torch.randperm(len(images), device=images.device).split(BATCH)
        seconds = bare_epoch(network, optimizer, (images[batch] for batch in rows))
    return seconds


def main() -> str:
    """Measures; returns the section of the results."""
    quieten_lightning()
    data = FashionMNISTDataModule()
    data.setup()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = data.splits["train"].images.to(device)
    contenders = {
        "fmclust": fmclust,
        "Lightning + torchvision + DataLoader": lambda: usual("data"),
        "bare loop, images in memory": lambda: bare(images),
    }
    seconds = interleaved(contenders, ROUNDS)
    title = f"## An epoch of training (16-32-64, batch {BATCH}, 32-bit, {ROUNDS} rounds)"
    return f"{title}\n\n{machine()}\n\n{table(seconds, 'fmclust')}\n"


if __name__ == "__main__":
    print(main())
