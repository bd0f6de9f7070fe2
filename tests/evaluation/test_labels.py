"""Labels score clusters and do nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from conftest import Finished, write_idx
from layout import rows_of
from sklearn.datasets import load_digits

from fmclust.runs import read_latents


def test_other_labels_change_scores_and_nothing_else(
    tmp_path: Path, run_digits: Callable[..., Finished]
) -> None:
    digits = load_digits()
    runs = []
    for name, classes in (("own", digits.target), ("other", np.roll(digits.target, 7) // 2)):
        write_idx(tmp_path / name / "train-images-idx3-ubyte", digits.images * 15)
        write_idx(tmp_path / name / "train-labels-idx1-ubyte", classes)
        typed = ("data=idx", f"data.root={tmp_path / name}", "cluster=[kmeans,whitened_gmm]")
        small = ("model.kernel=4", "model.stride=2", "trainer.max_epochs=3", "encode_from=best")
        runs.append(run_digits(*typed, *small))
    first, second = runs
    assert first.objective == second.objective
    for name in ("last", "best"):
        kept = [
            torch.load(run.directory / "checkpoints" / f"{name}.ckpt", weights_only=True)
            for run in runs
        ]
        assert kept[0]["epoch"] == kept[1]["epoch"]
        for key, weights in kept[0]["state_dict"].items():
            assert torch.equal(weights, kept[1]["state_dict"][key]), key
    a, b = (read_latents(run.directory) for run in runs)
    assert all(np.array_equal(a[split], b[split]) for split in ("train", "val", "test"))
    tables = [rows_of(run.directory / "assignments.csv") for run in runs]
    classes = ("class", "matched_class")
    stripped = [[{k: v for k, v in row.items() if k not in classes} for row in t] for t in tables]
    assert stripped[0] == stripped[1]
    assert [row["class"] for row in tables[0]] != [row["class"] for row in tables[1]]
    metrics = [json.loads((run.directory / "metrics.json").read_text()) for run in runs]
    label_free = [name for name in metrics[0] if name.count("/") == 1 and "time/" not in name]
    assert len(label_free) >= 8
    assert all(metrics[0][name] == metrics[1][name] for name in label_free)
    assert metrics[0]["kmeans/test/accuracy"] != metrics[1]["kmeans/test/accuracy"]
