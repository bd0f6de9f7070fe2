"""Time and peak memory as the images grow: `python -m benchmarks.growth`.

The images of Fashion-MNIST, repeated with shifts. Every stage and size is a process of its own,
whose peak memory is the stage's and that of what it needs loaded.
"""

import sys
import time
from itertools import product

import numpy as np
import torch

from benchmarks.measure import run_python, section, targets
from benchmarks.training import DEFAULT, as_called, autoencoder, last_epoch
from fmclust.clustering import fit
from fmclust.data import FashionMNIST, ImageSource, Split
from fmclust.data.datamodule import ImageDataModule
from fmclust.models import encode_all
from fmclust.reports.markdown import table
from fmclust.training.module import EncoderModule
from fmclust.training.trainer import quieten_lightning

SIZES = (10_000, 100_000, 1_000_000)
ITERATIONS = 10


class Repeated(ImageSource):
    """As many images as asked for: Fashion-MNIST's, each repetition shifted by other pixels."""

    def __init__(self, n_images: int) -> None:
        super().__init__()
        self.n_images = n_images

    def read(self) -> dict[str, Split]:
        data = FashionMNIST()
        source = data.splits["train"].images
        images = torch.empty((self.n_images, *source.shape[1:]), dtype=torch.uint8)
        shifts = product(range(-2, 3), repeat=2)
        for part, shift in zip(images.split(len(source)), shifts, strict=False):
            part.copy_(torch.roll(source[: len(part)], shift, dims=(2, 3)))
        return {"train": Split(images), "val": data.splits["val"]}


def training(n: int) -> float:
    """Return the seconds of an epoch."""
    module = EncoderModule(autoencoder(DEFAULT), seed=0)
    data = ImageDataModule(Repeated(n), batch_size=256, seed=0)
    return last_epoch(module, data, max_epochs=1)


def encoding(n: int) -> float:
    """Return the seconds of encoding."""
    data = Repeated(n)
    model, images = autoencoder(DEFAULT), data.splits["train"].images
    encode_all(model, images[:5000])
    start = time.perf_counter()
    encode_all(model, images)
    return time.perf_counter() - start


def kmeans(n: int) -> float:
    """Return the seconds of k-means on latents, one start and few iterations."""
    return fitting("kmeans", n, n_init=1)


def mixture(n: int) -> float:
    """Return the seconds of a mixture on latents, few iterations."""
    return fitting("gmm", n, init_params="random_from_data")


def fitting(name: str, n: int, **changed: object) -> float:
    """Return the seconds of fitting a clusterer on random latents."""
    clusterer = as_called(name, max_iter=ITERATIONS, tol=0, **changed)
    latents = np.random.default_rng(0).normal(size=(n, 10)).astype(np.float32)
    start = time.perf_counter()
    fit(clusterer, latents)
    return time.perf_counter() - start


STAGES = {stage.__name__: stage for stage in (training, encoding, kmeans, mixture)}


def exponent(values: list[float]) -> float:
    """Return the slope of the logarithms against those of the sizes, by least squares."""
    return float(np.polyfit(np.log(SIZES), np.log(values), 1)[0])


def main() -> str:
    """Measure, each in a process of its own; return the section of the results."""
    rows, worst = [], 0.0
    for stage in STAGES:
        seconds, peaks = [], []
        for size in SIZES:
            process = run_python(["-m", "benchmarks.growth", stage, str(size)])
            seconds.append(float(process.output.split()[-1]))
            peaks.append(process.peak / 1e9)
            print(f"  {stage} {size:,}: {seconds[-1]:.2f} s, {peaks[-1]:.2f} GB", flush=True)
        both = exponent(seconds), exponent(peaks)
        worst = max(worst, *both)
        cells = [f"{s:.2f} s, {p:.2f} GB" for s, p in zip(seconds, peaks, strict=True)]
        rows.append([stage, *cells, *(f"{e:.2f}" for e in both)])
    heads = ["", *(f"{size:,}" for size in SIZES), "exponent of time", "of memory"]
    return section(
        f"Growth (an epoch, encoding, {ITERATIONS} iterations of a clusterer)",
        table(heads, rows),
        targets((f"exponents at most 1.05: {worst:.2f}", worst <= 1.05)),
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        quieten_lightning()
        print(STAGES[sys.argv[1]](int(sys.argv[2])))
    else:
        print(main())
