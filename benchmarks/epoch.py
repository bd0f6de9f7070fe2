"""One epoch of training on Fashion-MNIST: the same network and batch size, several ways.

`python -m benchmarks.epoch`. fmclust trains as a job does, callbacks and TensorBoard included;
the usual way is Lightning with torchvision's data set and a DataLoader of two workers; the floor
is a bare loop over images in memory. ClustPy has no convolutional autoencoder for 28x28 pixels:
its feedforward one stands in, with about as many products an image. Each is fitted for two
epochs and the second counts, validation left out.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import ToTensor

from benchmarks.measure import interleaved, section, targets, timings
from benchmarks.training import (
    DEFAULT,
    PLAIN,
    Axes,
    autoencoder,
    bare_epoch,
    composed,
    last_epoch,
    named,
)
from fmclust.data import FashionMNIST
from fmclust.jobs.run import run_job
from fmclust.models.preprocessing import scale
from fmclust.training.devices import resolve_precision
from fmclust.training.trainer import quieten_lightning

BATCH, ROUNDS = 256, 3
USUAL = "Lightning + torchvision + DataLoader, 32-true"
LEAST = {"cpu": 3, "gpu": 10}  # times the speed of the usual way
FLOOR = 1.08  # times the bare loop's seconds in the same precision
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


def fmclust(axes: Axes, precision: str) -> float:
    """Return the seconds of an epoch of our job, from the speed that it logs."""
    typed = ["trainer.max_epochs=2", "cluster=kmeans", f"data.batch_size={BATCH}"]
    typed += [f"trainer.precision={precision}"]
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


def bare(axes: Axes, images: torch.Tensor, precision: str) -> float:
    """Return the seconds of an epoch of a loop with nothing around it."""
    network = autoencoder(axes).network.to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, fused=True)
    for _ in range(2):
        rows = torch.randperm(len(images), device=images.device).split(BATCH)
        batches = (images[batch] for batch in rows)
        is_bf16 = precision == "bf16-mixed"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=is_bf16):
            seconds = bare_epoch(network, optimizer, batches)
    return seconds


def clustpy(layers: list[int], images: torch.Tensor) -> float:
    """Return the seconds of an epoch of ClustPy's feedforward autoencoder."""
    from clustpy.deep.neural_networks import FeedforwardAutoencoder  # of the extra bench

    autoencoder = FeedforwardAutoencoder(layers).to(images.device)
    for _ in range(2):
        start = time.perf_counter()
        autoencoder.fit(n_epochs=1, batch_size=BATCH, data=scale(images).flatten(1))
        seconds = time.perf_counter() - start
    return seconds


def compare(axes: Axes, layers: list[int], images: torch.Tensor) -> str:
    """Measure all ways with a network; return a table and the targets."""
    accelerator = "gpu" if images.is_cuda else "cpu"
    default = resolve_precision("auto", accelerator)
    precisions = dict.fromkeys(("32-true", default))
    contenders: dict[str, Callable[[], float]] = {}
    for precision in precisions:
        contenders[f"fmclust, {precision}"] = partial(fmclust, axes, precision)
        contenders[f"bare loop, {precision}"] = partial(bare, axes, images, precision)
    contenders[USUAL] = lambda: usual(axes)
    theirs = f"ClustPy, feedforward {'-'.join(map(str, layers))}, 32-true"
    contenders[theirs] = lambda: clustpy(layers, images)
    seconds = interleaved(contenders, ROUNDS)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians[USUAL] / medians[f"fmclust, {default}"]
    reached = [
        (
            f"in {default} at least {LEAST[accelerator]} x as fast as the usual way in 32-true: "
            f"{ratio:.2f} x",
            ratio >= LEAST[accelerator],
        )
    ]
    for precision in precisions:
        share = medians[f"fmclust, {precision}"] / medians[f"bare loop, {precision}"]
        text = f"at most {FLOOR} x the bare loop, {precision}: {share:.2f} x"
        reached.append((text, share <= FLOOR))
    return "\n\n".join((f"**{named(axes)}**", timings(seconds, USUAL), targets(*reached)))


def main() -> str:
    """Measure; return the section of the results."""
    quieten_lightning()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = FashionMNIST().splits["train"].images.to(device)
    parts = [compare(axes, layers, images) for axes, layers in COMPARED]
    return section(f"An epoch of training (batch {BATCH}, {ROUNDS} rounds)", *parts)


if __name__ == "__main__":
    print(main())
