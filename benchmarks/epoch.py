"""One epoch of training on Fashion-MNIST: the same network and batch size, four ways.

`python -m benchmarks.epoch`. fmclust trains as a job does, callbacks and TensorBoard included;
the usual way is Lightning with torchvision's data set and a DataLoader of two workers; the floor
is a bare loop over images in memory. ClustPy has no convolutional autoencoder for 28x28 pixels:
its feedforward one stands in, with about as many products an image. Each is fitted for two
epochs and the second counts, validation left out.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from clustpy.deep.neural_networks import FeedforwardAutoencoder
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import ToTensor

from benchmarks.measure import interleaved, section, targets, timings
from benchmarks.networks import DEFAULT, PLAIN, Axes, autoencoder, bare_epoch, named
from benchmarks.training import composed, last_epoch
from fmclust.data import FashionMNIST
from fmclust.jobs.run import run_job
from fmclust.models.preprocessing import scale
from fmclust.training.trainer import quieten_lightning

BATCH, ROUNDS = 256, 3
# Network and ClustPy's layers of about as many products an image.
COMPARED = ((DEFAULT, [784, 380, 10]), (PLAIN, [784, 512, 256, 10]))


class Usual(pl.LightningModule):
    """The same network as most people would write its module."""

    def __init__(self, axes: Axes) -> None:
        super().__init__()
        self.network = autoencoder(axes).network

    def training_step(self, batch: Any) -> torch.Tensor:
        images, _ = batch
        loss = mse_loss(self.network.decode(self.network.encode(images)), images)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def fmclust(axes: Axes) -> float:
    """Return the seconds of an epoch of our job, from the speed that it logs."""
    typed = ["trainer.max_epochs=2", "cluster=kmeans", f"data.batch_size={BATCH}"]
    typed += [f"model.{name}={value}" for name, value in axes.items()]
    config = composed(*typed)
    with tempfile.TemporaryDirectory() as folder:
        run_job(config, Path(folder) / "run", typed)
        events = EventAccumulator(str(Path(folder) / "run"))
        events.Reload()
        return float(60_000 / events.Scalars("speed/images_per_second")[-1].value)


def usual(axes: Axes) -> float:
    """Return the seconds of an epoch the usual way."""
    loader = DataLoader(
        datasets.FashionMNIST("data", transform=ToTensor()),
        batch_size=BATCH,
        shuffle=True,
        num_workers=2,
        persistent_workers=True,
    )
    return last_epoch(Usual(axes), loader, max_epochs=2)


def bare(axes: Axes, images: torch.Tensor) -> float:
    """Return the seconds of an epoch of a loop with nothing around it."""
    network = autoencoder(axes).network.to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, fused=True)
    for _ in range(2):
        rows = torch.randperm(len(images), device=images.device).split(BATCH)
        seconds = bare_epoch(network, optimizer, (images[batch] for batch in rows))
    return seconds


def clustpy(layers: list[int], images: torch.Tensor) -> float:
    """Return the seconds of an epoch of ClustPy's feedforward autoencoder."""
    autoencoder = FeedforwardAutoencoder(layers).to(images.device)
    for _ in range(2):
        start = time.perf_counter()
        autoencoder.fit(n_epochs=1, batch_size=BATCH, data=scale(images).flatten(1))
        seconds = time.perf_counter() - start
    return seconds


def main() -> str:
    """Measure; return the section of the results."""
    quieten_lightning()
    data = FashionMNIST()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = data.splits["train"].images.to(device)
    parts = []
    for axes, layers in COMPARED:
        theirs = f"ClustPy, feedforward {'-'.join(map(str, layers))}"
        contenders = {
            "fmclust": lambda axes=axes: fmclust(axes),
            "Lightning + torchvision + DataLoader": lambda axes=axes: usual(axes),
            "bare loop, images in memory": lambda axes=axes: bare(axes, images),
            theirs: lambda layers=layers: clustpy(layers, images),
        }
        seconds = interleaved(contenders, ROUNDS)
        ours, other, floor, _ = map(statistics.median, seconds.values())
        least = 1.8 if device == "cpu" else 10
        parts += [
            f"**{named(axes)}**",
            timings(seconds, "fmclust"),
            targets(
                (
                    f"at least {least} x as fast as the usual way: {other / ours:.2f} x",
                    other >= least * ours,
                ),
                (f"within 0.3 s of the bare loop: {ours - floor:.2f} s", ours - floor <= 0.3),
            ),
        ]
    return section(f"An epoch of training (batch {BATCH}, 32-bit, {ROUNDS} rounds)", *parts)


if __name__ == "__main__":
    print(main())
