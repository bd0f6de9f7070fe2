"""loss/val by epoch and speed of candidate networks and recipes: `python -m benchmarks.networks`.

Label-free: what the default may be chosen by. A bare loop, three seeds; the order of the images
and the weights follow from the seed. At the end the default beside the plain network over as many
epochs as the main job trains.
"""

import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from benchmarks.measure import section
from fmclust.data import EpochOrder, FashionMNIST, ResidentLoader
from fmclust.models import Autoencoder
from fmclust.models.networks import Network
from fmclust.models.optimization import SCHEDULES
from fmclust.models.preprocessing import scale
from fmclust.reports.markdown import table
from fmclust.training.devices import keep_freed_memory

Axes = dict[str, Any]  # a network, by its arguments
EPOCHS, LONG, BATCH, SEEDS = 6, 45, 256, (0, 1, 2)
DEFAULT = {"channels": [32], "kernel": 8, "stride": 4, "hidden": [128]}
PLAIN = {"channels": [16, 32, 64], "kernel": 3, "stride": 2, "hidden": []}
SHALLOW = {"channels": [48], "kernel": 8, "stride": 4, "hidden": []}
NARROWER = {"channels": [32], "kernel": 8, "stride": 4, "hidden": [96]}
RECIPE, FASTER = ("onecycle", 1e-2), ("onecycle", 2e-2)
RECIPES = (("constant", 3e-3), ("cosine", 1e-2), ("onecycle", 5e-3))
CANDIDATES = [(axes, RECIPE) for axes in (PLAIN, SHALLOW, NARROWER, DEFAULT)]
CANDIDATES += [(PLAIN, FASTER), (SHALLOW, FASTER), (DEFAULT, FASTER)]
CANDIDATES += [(DEFAULT, recipe) for recipe in RECIPES]


def named(axes: Axes) -> str:
    """Name a network by its axes."""
    widths = "-".join(map(str, axes["channels"]))
    hidden = "".join(f", {units} hidden" for units in axes["hidden"])
    return f"{widths} channels, kernel {axes['kernel']}, stride {axes['stride']}{hidden}"


def autoencoder(axes: Axes) -> Autoencoder:
    """Make an autoencoder of 10 latents for images of 28x28 pixels."""
    return Autoencoder(image_size=[28, 28], network="convae", latents=10, **axes)


def bare_epoch(
    network: Network,
    optimizer: Optimizer,
    batches: Iterable[Tensor],
    schedule: LRScheduler | None = None,
) -> float:
    """Train on uint8 batches with nothing around it; return the seconds."""
    start = time.perf_counter()
    for batch in batches:
        images = scale(batch)
        loss = mse_loss(network.decode(network.encode(images)), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
    loss.item()  # waits for a GPU
    return time.perf_counter() - start


def train(
    axes: Axes, recipe: tuple[str, float], seed: int, data: FashionMNIST, epochs: int
) -> tuple[list[float], float]:
    """Return loss/val after every epoch, and images per second over all but the first."""
    torch.manual_seed(seed)
    network = autoencoder(axes).network
    name, lr = recipe
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    images, held_out = data.splits["train"].images, scale(data.splits["val"].images)
    order = EpochOrder(len(images), BATCH, seed=seed)
    schedule = SCHEDULES[name](optimizer, epochs * len(order))
    losses, seconds = [], []
    for epoch in range(epochs):
        order.set_epoch(epoch)
        seconds.append(bare_epoch(network, optimizer, ResidentLoader(images, order), schedule))
        with torch.inference_mode():
            held = network.decode(network.encode(held_out))
            losses.append(float(mse_loss(held, held_out)))
    return losses, len(images) / statistics.median(seconds[1:])


def compare(
    candidates: Sequence[tuple[Axes, tuple[str, float]]],
    data: FashionMNIST,
    epochs: int,
    shown: Sequence[int],
) -> str:
    """Train the candidates in turn for each seed; return a table of loss/val at some epochs."""
    runs: list[list[tuple[list[float], float]]] = [[] for _ in candidates]
    for seed in SEEDS:
        for results, (axes, recipe) in zip(runs, candidates, strict=True):
            results.append(train(axes, recipe, seed, data, epochs))
            print(f"  seed {seed}: {named(axes)}, {recipe}: {results[-1]}", flush=True)
    rows = []
    for results, (axes, (schedule, lr)) in zip(runs, candidates, strict=True):
        speed = statistics.median(speed for _, speed in results)
        by_epoch = list(zip(*(losses for losses, _ in results), strict=True))
        losses = [by_epoch[epoch - 1] for epoch in shown]
        cells = [f"{statistics.fmean(v):.5f} ± {statistics.stdev(v):.5f}" for v in losses]
        rows.append([named(axes), f"{schedule} {lr:g}", f"{speed:,.0f}", *cells])
    heads = ["network", "schedule, lr", "images/s", *(f"epoch {epoch}" for epoch in shown)]
    return table(heads, rows)


def main() -> str:
    """Measure; return the section of the results."""
    keep_freed_memory()
    data = FashionMNIST()
    return section(
        f"loss/val by network and recipe (mse, mean ± sd over {len(SEEDS)} seeds)",
        f"{EPOCHS} epochs, batch {BATCH}, Adam.",
        compare(CANDIDATES, data, EPOCHS, (2, 4, 6)),
        f"{LONG} epochs, as many as the main job.",
        compare([(PLAIN, RECIPE), (DEFAULT, RECIPE)], data, LONG, (5, 15, 25, 35, 45)),
    )


if __name__ == "__main__":
    print(main())
