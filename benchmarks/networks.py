"""loss/val by epoch and speed of candidate networks: `python -m benchmarks.networks`.

Label-free: what the default network may be chosen by. The bare loop of `epoch.py`, three seeds;
the order of the images and the weights follow from the seed.
"""

import statistics

import torch
from torch.nn.functional import mse_loss

from benchmarks.measure import bare_epoch, machine
from fmclust.data import EpochOrder, FashionMNISTDataModule, ResidentLoader
from fmclust.models import Autoencoder
from fmclust.models.pixels import scale

EPOCHS, BATCH, SEEDS = 5, 256, (0, 1, 2)
CANDIDATES = {
    "16-32-64, stride 2": {"channels": [16, 32, 64], "stem": 1},
    "stem 2, 16-32": {"channels": [16, 32], "stem": 2},
    "stem 4, 32": {"channels": [32], "stem": 4},
    "stem 4, 48": {"channels": [48], "stem": 4},
    "stem 4, 64": {"channels": [64], "stem": 4},
}


def train(axes: dict, seed: int, data: FashionMNISTDataModule) -> tuple[list[float], float]:
    """Returns loss/val after every epoch, and images per second over all but the first."""
    torch.manual_seed(seed)
    network = Autoencoder(image_size=[28, 28], network="convae", latents=10, **axes).network
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    images, held_out = data.splits["train"].images, scale(data.splits["val"].images)
    order = EpochOrder(len(images), BATCH, seed=seed)
    losses, seconds = [], []
    for epoch in range(EPOCHS):
        order.set_epoch(epoch)
        seconds.append(bare_epoch(network, optimizer, ResidentLoader(images, order)))
        with torch.inference_mode():
            held = network.decode(network.encode(held_out))
            losses.append(float(mse_loss(held, held_out)))
    return losses, len(images) / statistics.median(seconds[1:])


def main() -> str:
    """Measures, the candidates in turn for each seed; returns the section of the results."""
    data = FashionMNISTDataModule()
    data.setup()
    runs: dict[str, list[tuple[list[float], float]]] = {name: [] for name in CANDIDATES}
    for seed in SEEDS:
        for name, axes in CANDIDATES.items():
            runs[name].append(train(axes, seed, data))
            print(f"  seed {seed}: {name} {runs[name][-1]}", flush=True)
    heads = " | ".join(f"epoch {epoch}" for epoch in range(1, EPOCHS + 1))
    rows = [f"| network | images/s | {heads} |", "|---|--:|" + "--:|" * EPOCHS]
    for name, results in runs.items():
        speed = statistics.median(speed for _, speed in results)
        by_epoch = zip(*(losses for losses, _ in results), strict=True)
        cells = [f"{statistics.fmean(v):.5f} ± {statistics.stdev(v):.5f}" for v in by_epoch]
        rows.append(f"| {name} | {speed:,.0f} | {' | '.join(cells)} |")
    title = f"## loss/val by network (mse, mean ± sd over {len(SEEDS)} seeds, batch {BATCH})"
    return f"{title}\n\n{machine()}\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(main())
