"""Every option of `conf/` runs for one small epoch, own images without labels among them."""

import csv
import json
from itertools import zip_longest

import numpy as np
import pytest
import torch
from conftest import SMALL, beside_others, composed, options_of, write_idx

from fmclust import load_run
from fmclust.callbacks import epochs_finished
from fmclust.data import DigitsDataModule
from fmclust.errors import UserError
from fmclust.job import run_job
from fmclust.models import Autoencoder, encode_all
from fmclust.reports import print_run
from fmclust.runs import read_losses, unexpected_and_missing

GROUPS = ("model", "cluster", "callbacks", "logger", "debug")
TOGETHER = [  # options of different groups share a run
    [f"{group}={name}" for group, name in zip(GROUPS, names, strict=True) if name is not None]
    for names in zip_longest(*map(options_of, GROUPS))
]


@pytest.mark.parametrize("options", [*map(beside_others, TOGETHER)])
def test_every_option_runs(options, run_digits):
    assert np.isfinite(run_digits(*options).objective)


def test_the_automatic_trainer_runs(run_digits):  # ddp: in test_processes.py
    assert np.isfinite(run_digits("trainer=auto").objective)


def test_a_gpu_trains_or_is_missed_in_plain_words(run_digits):
    if torch.cuda.is_available():
        assert np.isfinite(run_digits("trainer=gpu").objective)
    else:
        with pytest.raises(UserError, match="sees no GPU.*type trainer=cpu"):
            run_digits("trainer=gpu")


@pytest.mark.parametrize("labelled", [True, False])
def test_own_images_with_or_without_labels_go_all_the_way(labelled, tmp_path, run_digits, capsys):
    rng = np.random.default_rng(0)
    write_idx(tmp_path / "own" / "train-images-idx3-ubyte", rng.integers(0, 256, (200, 20, 16)))
    if labelled:
        write_idx(tmp_path / "own" / "train-labels-idx1-ubyte", rng.integers(0, 3, 200))
    options = ["data=idx", f"data.root={tmp_path / 'own'}", "cluster=[kmeans,gmm]", "n_clusters=3"]
    run = run_digits(*options)
    kinds = {"trained", "chosen"} | ({"labelled"} if labelled else set())
    assert unexpected_and_missing(run.directory, kinds) == ([], [])
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert ("gmm/test/accuracy" in metrics) == labelled
    with (run.directory / "assignments.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 200 and {row["class"] != "" for row in rows} == {labelled}
    print_run(run.directory)
    assert "likelihood" in capsys.readouterr().out


def test_no_images_are_missed_in_plain_words(tmp_path, run_digits):
    with pytest.raises(UserError, match=r"no train-images-idx3-ubyte.*type data.root="):
        run_digits("data=idx", f"data.root={tmp_path}")


def test_early_stopping_ends_training(run_digits):
    run = run_digits(
        "callbacks=[default,early_stopping]",
        "callbacks.early_stopping.min_delta=10",
        "callbacks.early_stopping.patience=1",
        "trainer.max_epochs=9",
    )
    assert epochs_finished(run.directory) == 2


def test_the_last_checkpoint_is_of_the_last_epoch_though_it_is_no_best_one(run_digits, monkeypatch):
    rising = "fmclust.callbacks.checkpoints.losses_of"
    monkeypatch.setattr(rising, lambda trainer: {"loss/val": float(trainer.current_epoch)})
    run = run_digits("trainer.max_epochs=3")
    best = torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 0 and epochs_finished(run.directory) == 3
    images = DigitsDataModule()
    images.setup()
    loaded = load_run(run.directory)
    latents = loaded.encode(images.splits["test"].images[:, 0].numpy())
    np.testing.assert_array_equal(latents, loaded.latents["test"])


def test_what_early_stopping_ended_is_trained_no_further(command_line, tmp_path, monkeypatch):
    stopping = ("callbacks=[default,early_stopping]", "callbacks.early_stopping.min_delta=10")
    typed = ("callbacks.early_stopping.patience=1", "trainer.max_epochs=9", "hydra.run.dir=run")
    with monkeypatch.context() as patch, pytest.raises(TypeError):
        patch.setattr("fmclust.callbacks.clustering.evaluate", None)  # a bug, say
        run_job(composed(*SMALL, *stopping, *typed[:-1]), tmp_path / "run", [])
    assert command_line("resume", "run=run").status == 0
    assert epochs_finished(tmp_path / "run") == 2


def test_the_best_weights_encode_when_asked(run_digits):
    run = run_digits("encode_from=best", "model.lr=0.05", "trainer.max_epochs=4", "seed=3")
    best, last = (
        Autoencoder.load_from_checkpoint(
            run.directory / "checkpoints" / f"{name}.ckpt", weights_only=True
        )
        for name in ("best", "last")
    )
    images = torch.arange(0, 256, dtype=torch.uint8).repeat(98).view(32, 1, 28, 28)
    differ = not np.allclose(encode_all(best, images), encode_all(last, images))
    checkpoint = torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert metrics["loss/val"] == min(read_losses(run.directory)["loss/val"])
    assert differ == (checkpoint["epoch"] != 3)


def test_lower_precision_still_gives_float32_latents(run_digits):
    run = run_digits("trainer.precision=bf16-mixed")
    latents = np.load(run.directory / "latents.npz", allow_pickle=False)
    assert {latents[split].dtype for split in latents} == {np.dtype("float32")}


def test_seeds_differ(run_digits):
    assert run_digits("seed=0").objective != run_digits("seed=1").objective
