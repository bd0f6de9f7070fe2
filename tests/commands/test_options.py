"""Every option of `conf/` runs for one small epoch, own images without labels among them."""

import copy
import os
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SMALL, Answer, Finished, beside_others, composed, options_of, write_idx
from layout import rows_of, unexpected_and_missing
from numpy.typing import NDArray
from PIL import Image

from fmclust import load_run
from fmclust.data import Digits
from fmclust.errors import UserError
from fmclust.jobs.run import run_job
from fmclust.models import Encoder, encode_all, load_weights, reconstruct_all
from fmclust.reports.tables import print_run
from fmclust.runs import read_losses, read_metrics
from fmclust.training.checkpoints import epochs_finished

GROUPS = ("model", "cluster", "callbacks", "logger", "debug")
CLUSTERING = ("default", "cluster_latents")  # callbacks; the others are tried beside one


def option(group: str, name: str) -> str:
    beside = group == "callbacks" and name not in CLUSTERING
    return f"{group}=[{name},cluster_latents]" if beside else f"{group}={name}"


# `prototypes` needs an encoder that has learned some, which takes two epochs.
SELF_LABELLED = ["cluster=prototypes", "model=contrastive", "model.self_labelling_epochs=1"]
# With weights of its own in test_photos.py; in tests/spark/.
APART = ("prototypes", "pretrained", "spark_gmm", "spark_kmeans")
ONE_EPOCH = [[n for n in options_of(group) if n not in APART] for group in GROUPS]
TOGETHER = [  # options of different groups share a run
    [option(group, name) for group, name in zip(GROUPS, names, strict=True) if name is not None]
    for names in zip_longest(*ONE_EPOCH)
] + [[*SELF_LABELLED, "trainer.max_epochs=2", "trainer.limit_train_batches=5"]]


@pytest.mark.parametrize("options", [*map(beside_others, TOGETHER)])
def test_every_option_runs(options: list[str], run_digits: Callable[..., Finished]) -> None:
    assert np.isfinite(run_digits(*options, "figures=true").objective)


def test_the_automatic_trainer_runs(run_digits: Callable[..., Finished]) -> None:
    # ddp: in test_processes.py
    assert np.isfinite(run_digits("trainer=auto").objective)


def test_a_gpu_trains_or_is_missed_in_plain_words(run_digits: Callable[..., Finished]) -> None:
    if torch.cuda.is_available():
        assert np.isfinite(run_digits("trainer=gpu").objective)
    else:
        with pytest.raises(UserError, match="GPU.*trainer=cpu"):
            run_digits("trainer=gpu")


@pytest.mark.parametrize("labelled", [True, False])
def test_own_images_with_or_without_labels_go_all_the_way(
    labelled: bool,
    tmp_path: Path,
    run_digits: Callable[..., Finished],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    write_idx(tmp_path / "own" / "train-images-idx3-ubyte", rng.integers(0, 256, (200, 20, 16)))
    if labelled:
        write_idx(tmp_path / "own" / "train-labels-idx1-ubyte", rng.integers(0, 3, 200))
    options = ["data=idx", f"data.root={tmp_path / 'own'}", "cluster=[kmeans,gmm]", "n_clusters=3"]
    run = run_digits(*options, "figures=true")
    kinds = {"trained", "chosen", "drawn"} | ({"labelled"} if labelled else set())
    assert unexpected_and_missing(run.directory, kinds) == ([], [])
    metrics = read_metrics(run.directory)
    assert ("gmm/test/accuracy" in metrics) == labelled
    rows = rows_of(run.directory / "assignments.csv")
    assert len(rows) == 2 * 200 and {row["class"] != "" for row in rows} == {labelled}
    print_run(run.directory)
    assert "likelihood" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ("cluster=whitened_gmm", "cluster.whitened_gmm.whiten.n_components=1"),
        ("cluster=[gmm,whitened_gmm]", "cluster.whitened_gmm.whiten.n_components=3"),
    ],
)
def test_fewer_latents_after_whitening_are_drawn_as_far_as_they_can_be(
    options: tuple[str, ...], run_digits: Callable[..., Finished]
) -> None:
    assert (run_digits(*options, "figures=true").directory / "report.html").exists()


def test_a_run_is_not_resumed_for_more_epochs_than_its_learning_rate_was_planned_for(
    command_line: Callable[..., Answer], stopped: Path
) -> None:
    config = stopped / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("max_epochs: 3", "max_epochs: 5"))
    answer = command_line("resume", f"run={stopped}")
    assert answer.refuses("max_epochs=5", "planned for 3 epochs"), answer.err
    config.write_text(text)
    assert command_line("resume", f"run={stopped}").status == 0


def test_figures_of_another_clusterer_do_not_stay(
    command_line: Callable[..., Answer], stopped: Path
) -> None:
    old = stopped / "figures" / "latents_test.png"
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"")
    assert command_line("resume", f"run={stopped}", "cluster=agglomerative").status == 0
    assert not old.exists() or old.stat().st_size > 0


def test_ten_pictures_and_a_file_of_any_name_make_a_run(
    run_digits: Callable[..., Finished], tmp_path: Path
) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(10):
        picture = np.roll(np.eye(28, dtype=np.uint8) * 200, number, 0)
        Image.fromarray(picture).save(folder / f"{number}.png")
    (tmp_path / "text").write_text("no picture")
    os.rename(tmp_path / "text", os.fsencode(folder) + b"/\xfc.png")
    small = ("data=folder", f"data.root={folder}", "n_clusters=2", "cluster=[kmeans,gmm]")
    run = run_digits(*small, "cluster.gmm.reg_covar=0.1", "figures=true")
    images = [row["image"] for row in rows_of(run.directory / "assignments.csv")]
    assert sorted(images) == sorted(2 * [f"{number}.png" for number in range(10)])
    assert "1 of 11 files are not readable pictures" in (run.directory / "report.html").read_text()


def test_files_of_two_sizes_are_refused(
    tmp_path: Path, run_digits: Callable[..., Finished]
) -> None:
    for name, side in (("train", 8), ("t10k", 9)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", np.ones((30, side, side)))
    with pytest.raises(UserError, match="train .*8x8 .*t10k .*9x9"):
        run_digits("data=idx", f"data.root={tmp_path}")


def test_no_images_are_missed_in_plain_words(
    tmp_path: Path, run_digits: Callable[..., Finished]
) -> None:
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.*data.root="):
        run_digits("data=idx", f"data.root={tmp_path}")


def test_early_stopping_ends_training(run_digits: Callable[..., Finished]) -> None:
    run = run_digits(
        "callbacks=[default,early_stopping]",
        "callbacks.early_stopping.min_delta=10",
        "callbacks.early_stopping.patience=1",
        "trainer.max_epochs=9",
    )
    assert epochs_finished(run.directory) == 2


def test_the_last_checkpoint_is_of_the_last_epoch_though_it_is_no_best_one(
    run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    rising = "fmclust.training.callbacks.checkpoints.losses_of"
    monkeypatch.setattr(rising, lambda trainer: {"loss/val": float(trainer.current_epoch)})
    run = run_digits("trainer.max_epochs=3")
    best = torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 0 and epochs_finished(run.directory) == 3
    images = Digits()
    loaded = load_run(run.directory)
    latents = loaded.encode(images.splits["test"].images[:, 0].numpy())
    np.testing.assert_array_equal(latents, loaded.latents["test"])


def test_what_early_stopping_ended_is_trained_no_further(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = ("callbacks=[default,early_stopping]", "callbacks.early_stopping.min_delta=10")
    typed = ("callbacks.early_stopping.patience=1", "trainer.max_epochs=9", "hydra.run.dir=run")
    with monkeypatch.context() as patch, pytest.raises(TypeError):
        patch.setattr("fmclust.jobs.run.encode_images", None)  # a bug, say
        run_job(composed(*SMALL, *stopping, *typed[:-1]), tmp_path / "run", [])
    assert command_line("resume", "run=run").status == 0
    assert epochs_finished(tmp_path / "run") == 2


def test_the_best_weights_encode_when_asked(
    run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    reconstructed = []

    def kept(encoder: Encoder, images: torch.Tensor) -> NDArray[np.uint8]:
        reconstructed.append(copy.deepcopy(encoder.state_dict()))
        return reconstruct_all(encoder, images)

    monkeypatch.setattr("fmclust.training.callbacks.reconstructions.reconstruct_all", kept)
    run = run_digits("encode_from=best", "model.lr=0.3", "trainer.max_epochs=4", "seed=3")
    best, last = (load_run(run.directory).encoder for _ in range(2))
    load_weights(last, run.directory / "checkpoints" / "last.ckpt")
    images = torch.arange(0, 256, dtype=torch.uint8).repeat(98).view(32, 1, 28, 28)
    differ = not np.allclose(encode_all(best, images), encode_all(last, images))
    checkpoint = torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)
    metrics = read_metrics(run.directory)
    assert metrics["loss/val"] == min(read_losses(run.directory)["loss/val"])
    assert differ and checkpoint["epoch"] != 3
    drawn = reconstructed[-1]  # as epoch 4, whichever weights encode
    assert all(torch.equal(drawn[name], value) for name, value in last.state_dict().items())


def test_lower_precision_still_gives_float32_latents(run_digits: Callable[..., Finished]) -> None:
    run = run_digits("trainer.precision=bf16-mixed")
    latents = np.load(run.directory / "latents.npz", allow_pickle=False)
    assert {latents[split].dtype for split in latents} == {np.dtype("float32")}


def test_seeds_differ(run_digits: Callable[..., Finished]) -> None:
    assert run_digits("seed=0").objective != run_digits("seed=1").objective
