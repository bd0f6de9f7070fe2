"""Labels score clusters and do nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Answer, Finished, write_idx
from layout import rows_of, status_of
from PIL import Image
from sklearn.datasets import load_digits

from fmclust.reports.tables import print_run
from fmclust.runs import read_classes, read_clusterings, read_latents


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
    classes = ("class", "class_name", "matched_class", "matched_class_name")
    stripped = [[{k: v for k, v in row.items() if k not in classes} for row in t] for t in tables]
    assert stripped[0] == stripped[1]
    assert [row["class"] for row in tables[0]] != [row["class"] for row in tables[1]]
    metrics = [json.loads((run.directory / "metrics.json").read_text()) for run in runs]
    label_free = [name for name in metrics[0] if name.count("/") == 1 and "time/" not in name]
    assert len(label_free) >= 8
    assert all(metrics[0][name] == metrics[1][name] for name in label_free)
    assert metrics[0]["kmeans/test/accuracy"] != metrics[1]["kmeans/test/accuracy"]


def test_images_without_a_label_are_clustered_and_not_scored(
    tmp_path: Path, command_line: Callable[..., Answer], run_digits: Callable[..., Finished]
) -> None:
    digits = load_digits()
    labels = np.where(np.arange(len(digits.target)) % 3 == 0, 255, digits.target + 65)
    write_idx(tmp_path / "own" / "train-images-idx3-ubyte", digits.images * 15)
    write_idx(tmp_path / "own" / "train-labels-idx1-ubyte", labels)
    network = ("model.kernel=4", "model.stride=2", "cluster=[kmeans,gmm]", "figures=true")
    data = ("data=idx", f"data.root={tmp_path / 'own'}", "data.unlabelled=255")
    run = run_digits(*data, *network, "logger=tensorboard").directory
    status = status_of(run)
    names = [str(value) for value in range(65, 75)]
    assert status["class_names"] == names and status["unlabelled"] == 599
    rows = [row for row in rows_of(run / "assignments.csv") if row["clusterer"] == "gmm"]
    assert len(rows) == len(labels) and all(row["cluster"] for row in rows)
    of_rows = labels[[int(row["image"]) for row in rows]]
    assert [row["class_name"] for row in rows] == ["" if v == 255 else str(v) for v in of_rows]
    assert [row["class"] for row in rows] == ["" if v == 255 else str(v - 65) for v in of_rows]
    matched = {row["matched_class_name"] for row in rows}
    assert matched == set(names), "every cluster has a class"
    of_test = [row for row in rows if row["split"] == "test" and row["class"]]
    agreed = np.mean([row["class_name"] == row["matched_class_name"] for row in of_test])
    metrics = json.loads((run / "metrics.json").read_text())
    assert np.isclose(metrics["gmm/test/accuracy"], agreed)
    classes = read_classes(run)
    assert {split: len(ids) for split, ids in classes.items()} == status["images"]
    assert min(ids.min() for ids in classes.values()) == -1
    (projector,) = run.glob("*/latents/metadata.tsv")
    shown = [line.split("\t")[0] for line in projector.read_text().splitlines()[1:]]
    assert shown == [row["class_name"] for row in rows if row["split"] == "test"]
    page = (run / "report.html").read_text()
    assert "599 of 1,797 images have no label: they are not scored." in page
    assert "no label" in page and not re.search(r"misfits.{0,900}<figcaption></fig", page)
    answer = command_line("optima", f"run={run}", "starts=1", "hydra.run.dir=optima")
    assert answer.status == 0, answer.err
    answer = command_line("cluster", f"run={run}", "cluster=hdbscan")
    assert answer.status == 0 and "599 of 1,797 images have no label" in answer.out


def test_many_classes_are_shown_by_their_largest_confusions(
    tmp_path: Path, run_digits: Callable[..., Finished], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(1200) % 60
    kinds = rng.integers(0, 200, (60, 8, 8)) // 2 + 50
    images = kinds[labels // 2] + rng.integers(0, 50, (1200, 8, 8))  # two classes look the same
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels * 3 + 1)
    small = ("model=pixels", "cluster=kmeans", "n_clusters=70", "figures=true")
    run = run_digits("data=idx", f"data.root={tmp_path}", *small).directory
    confused = read_clusterings(run)["kmeans"]["confused"]["test"]
    names = status_of(run)["class_names"]
    rows = [row for row in rows_of(run / "assignments.csv") if row["split"] == "test"]
    for cls, other, n in confused:
        pair = (names[cls], names[other])
        found = [(row["class_name"], row["matched_class_name"]) for row in rows]
        assert found.count(pair) == n
    assert len(confused) == 10 and confused[0][2] >= 2 >= confused[-1][2]
    print_run(run)
    assert "largest confusions" in capsys.readouterr().out
    page = (run / "report.html").read_text()
    assert "The largest confusions of 60 classes" in page and '<table class="matrix">' not in page
    n_columns = 1 + max(int(row["cluster"]) for row in rows)  # rows are those of the test split
    assert f"60 classes and {n_columns} columns" in page
    for path in (run / "figures").glob("*.png"):
        assert max(Image.open(path).size) < 600, path  # at 20 pixels an inch
