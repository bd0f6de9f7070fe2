"""Accuracy against time: `python -m benchmarks.accuracy`.

The default recipe, frozen, with ten seeds; labels choose nothing here. The weights after some
epochs of the main job are kept, and their latents are clustered as the job clusters its own. The
seconds are those until that epoch, and those that the job takes after its last.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.measure import section, train
from fmclust.clustering import cluster
from fmclust.data import FashionMNIST
from fmclust.metrics import score
from fmclust.models import build_encoder, encode_all, load_weights
from fmclust.paper.numbers import ACCURACIES
from fmclust.reports.markdown import table
from fmclust.runs import read_config

SEEDS, EPOCHS = range(10), (5, 10, 15, 25, 45)
PAPER = ACCURACIES["convae", "gmm", "test"]
SNAPSHOTS = [
    "+callbacks.snapshots._target_=pytorch_lightning.callbacks.ModelCheckpoint",
    "+callbacks.snapshots.filename='{epoch}'",
    "+callbacks.snapshots.auto_insert_metric_name=false",
    "+callbacks.snapshots.every_n_epochs=5",
    "+callbacks.snapshots.save_top_k=-1",
    "+callbacks.snapshots.save_on_train_epoch_end=true",
]


def measure_seed(seed: int, data: FashionMNIST) -> list[tuple[float, float]]:
    """Train with a seed; return seconds and accuracy on test at each of the epochs."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        process, _ = train(run, f"seed={seed}", f"trainer.max_epochs={EPOCHS[-1]}", *SNAPSHOTS)
        events = EventAccumulator(str(run))
        events.Reload()
        ended = {
            event.step: event.wall_time - process.start for event in events.Scalars("loss/val")
        }
        rest = process.seconds - ended[EPOCHS[-1]]  # encoding, clustering, points
        config = read_config(run)
        clusterer, encoder = instantiate(config.cluster.gmm), build_encoder(config.model, (28, 28))
        points = []
        for epoch in EPOCHS:
            load_weights(encoder, run / "checkpoints" / f"{epoch - 1}.ckpt")
            latents = {
                name: encode_all(encoder, data.splits[name].images).astype(np.float64)
                for name in ("train", "test")
            }
            ids = cluster(clusterer, latents, "train").clusters["test"]
            classes = data.splits["test"].labels
            assert classes is not None
            scores = score(ids, np.asarray(classes), n_clusters=10, n_classes=10)
            points.append((ended[epoch] + rest, scores["accuracy"]))
    return points


def main() -> str:
    """Measure; return the section of the results."""
    data = FashionMNIST()
    runs = []
    for seed in SEEDS:
        runs.append(measure_seed(seed, data))
        print(f"  seed {seed}: {runs[-1]}", flush=True)
    rows, first = [], None
    for epoch, points in zip(EPOCHS, zip(*runs, strict=True), strict=True):
        seconds, accuracies = zip(*points, strict=True)
        median = statistics.median(accuracies)
        if first is None and median >= PAPER:
            first = epoch
        spread = f"{statistics.fmean(accuracies):.4f} ± {statistics.stdev(accuracies):.4f}"
        extremes = f"{min(accuracies):.4f} to {max(accuracies):.4f}"
        rows.append(
            [str(epoch), f"{statistics.median(seconds):.0f}", f"{median:.4f}", spread, extremes]
        )
    reached = "at none of these epochs" if first is None else f"first at epoch {first}"
    return section(
        f"Accuracy against time (mixture, test: the last 5,000; {len(SEEDS)} seeds)",
        table(["epochs", "median s", "median", "mean ± sd", "range"], rows),
        f"The median over seeds reaches the paper's {PAPER} {reached}.",
    )


if __name__ == "__main__":
    print(main())
