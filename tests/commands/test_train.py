"""The main job in process: what it leaves, that it repeats, that labels only score."""

import csv
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
from conftest import FINISHED, REAL, Finished, composed
from layout import events_of, rows_of, status_of, unexpected_and_missing
from PIL import Image
from tensorboard.plugins.hparams import plugin_data_pb2

from fmclust import load_run
from fmclust.clustering import assign, load_clusterer
from fmclust.data import Digits, FashionMNIST, Split
from fmclust.errors import UserError
from fmclust.jobs.run import run_job
from fmclust.models import encode_all
from fmclust.runs import read_metrics


def metrics_of(run: Finished) -> dict[str, float]:
    return read_metrics(run.directory)


def test_a_run_leaves_what_the_list_says_and_nothing_else(finished: Finished) -> None:
    kinds = {"trained", "labelled", "chosen", "drawn"}
    assert unexpected_and_missing(finished.directory, kinds) == ([], [])
    status = status_of(finished.directory)
    assert status["status"] == "done" and status["objective"] == "loss/val"
    assert metrics_of(finished)["loss/val"] == finished.objective


def test_metrics_have_their_names(finished: Finished) -> None:
    metrics = metrics_of(finished)
    scores = {
        f"{clusterer}/{split}/{score}"
        for clusterer in ("kmeans", "gmm")
        for split in ("train", "val", "test")
        for score in ("accuracy", "nmi", "ari", "homogeneity", "completeness")
    }
    times = {
        f"time/{stage}"
        for stage in ("data", "fit", "encode", "cluster", "figures", "logging", "total")
    }
    own = {"kmeans/inertia", "gmm/log_likelihood", "gmm/bic", "gmm/aic", "gmm/converged"}
    assert scores | times | own | {"loss/train", "loss/val"} <= set(metrics)
    assert np.isfinite(list(metrics.values())).all()


def test_the_same_command_twice_gives_the_same_metrics(
    finished: Finished, run_digits: Callable[..., Finished]
) -> None:
    again = run_digits(*FINISHED)
    first, second = (
        {name: v for name, v in metrics_of(run).items() if not name.startswith("time/")}
        for run in (finished, again)
    )
    assert first == second


def test_the_checkpoint_reloads_safely_and_gives_the_same_latents_and_clusters(
    finished: Finished,
) -> None:
    encoder = load_run(finished.directory).encoder
    data = Digits()
    latents = np.load(finished.directory / "latents.npz", allow_pickle=False)["test"]
    again = encode_all(encoder, data.splits["test"].images)
    np.testing.assert_allclose(again, latents, atol=1e-5)
    assigned = rows_of(finished.directory / "assignments.csv")
    rows = [row for row in assigned if (row["clusterer"], row["split"]) == ("gmm", "test")]
    clusterer = load_clusterer(finished.directory / "clusterers" / "gmm.skops")
    assert assign(clusterer, latents).tolist() == [int(row["cluster"]) for row in rows]


def test_labels_touch_no_cluster(
    finished: Finished, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Digits.read

    def permuted(self: Digits) -> dict[str, Split]:
        rng = np.random.default_rng(0)
        found = {}
        for name, split in read(self).items():
            assert split.labels is not None
            order = torch.from_numpy(rng.permutation(len(split)))
            found[name] = Split(split.images, split.labels[order])
        return found

    monkeypatch.setattr(Digits, "read", permuted)
    other = run_digits(*FINISHED)
    clusters = [
        [row["cluster"] for row in rows_of(run.directory / "assignments.csv")]
        for run in (finished, other)
    ]
    assert clusters[0] == clusters[1]
    assert metrics_of(other)["gmm/test/accuracy"] != metrics_of(finished)["gmm/test/accuracy"]


def test_pixels_need_no_training(run_digits: Callable[..., Finished]) -> None:
    run = run_digits("model=pixels", "cluster=kmeans")
    assert unexpected_and_missing(run.directory, {"labelled", "chosen"})[0] == []
    assert run.objective == metrics_of(run)["kmeans/inertia"]


def test_a_directory_that_is_not_empty_is_left_as_it_is(
    finished: Finished, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (finished.directory / "metrics.json").read_bytes()
    with pytest.raises(UserError, match="not empty"):
        run_job(composed("data=digits"), finished.directory, [])
    assert (finished.directory / "metrics.json").read_bytes() == before


def test_a_failed_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="5000 clusters .*1437"):
        run_job(
            composed("data=digits", "trainer.max_epochs=1", "n_clusters=5000"), tmp_path / "r", []
        )
    status = status_of(tmp_path / "r")
    assert status["status"] == "failed" and "5000" in status["reason"]


def test_a_hostile_estimator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.skops"
    skops.io.dump({"x": pickle.Pickler}, path)
    with pytest.raises(UserError, match="refused"):
        load_clusterer(path)


def test_tensorboard_shows_losses_scores_and_figures(finished: Finished) -> None:
    events = events_of(finished.directory)
    scores = {"kmeans/inertia", "gmm/bic", "gmm/test/accuracy", "kmeans/train/nmi"}
    assert scores | {"loss/train", "loss/val", "lr"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("loss/val")) == 2
    kinds = ("confusion_raw", "confusion_matched", "samples", "centres")
    figures = {f"{name}/test/{kind}" for name in ("kmeans", "gmm") for kind in kinds}
    assert figures | {"reconstructions", "dataset", "latents/test"} == set(events.Tags()["images"])
    assert [event.step for event in events.Images("reconstructions")] == [1, 2]
    assert [event.step for event in events.Scalars("speed/images_per_second")] == [1, 2]
    assert "config/text_summary" in events.Tags()["tensors"]


def test_hyper_parameters_have_one_type_and_their_final_scores(finished: Finished) -> None:
    """What TensorBoard's table is made of: its columns, named once, and the run's own values."""
    events = events_of(finished.directory)
    contents = {
        tag: plugin_data_pb2.HParamsPluginData.FromString(content)
        for tag, content in events.PluginTagToContent("hparams").items()
    }
    start = contents["_hparams_/session_start_info"].session_start_info.hparams
    assert start["model.latents"].number_value == 10
    assert start["model.channels"].string_value == "[32]"
    assert start["clusterers"].string_value == "kmeans+gmm"
    experiment = contents["_hparams_/experiment"].experiment
    shown_first = {column.name for column in experiment.hparam_infos if column.differs}
    typed = {"trainer.max_epochs", "trainer.limit_train_batches", "n_clusters"}
    assert shown_first == typed
    names = {column.name.tag for column in experiment.metric_infos}
    assert {"loss/val", "gmm/test/accuracy", "kmeans/inertia"} <= names
    assert names <= set(events.Tags()["scalars"])
    assert "_hparams_/session_end_info" in contents


def test_the_projector_has_an_image_a_class_and_clusters_for_every_latent(
    finished: Finished,
) -> None:
    folder = finished.directory / "00000" / "latents"
    with (folder / "metadata.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert list(rows[0]) == ["class", "cluster of kmeans", "cluster of gmm", "index"]
    assert len(rows) == len((folder / "tensors.tsv").read_text().splitlines()) == 180
    data = Digits()
    sprite = np.asarray(Image.open(folder / "sprite.png").convert("L"))
    assert sprite.shape == (14 * 28, 14 * 28)  # 14 x 14 places for 180 images
    assert np.abs(sprite[:28, 28:56] - data.splits["test"].images[1, 0].numpy()).max() <= 1
    labels = data.splits["test"].labels
    assert labels is not None
    assert [row["class"] for row in rows] == list(map(str, labels.tolist()))


@pytest.mark.real
@pytest.mark.xdist_group("real")
def test_an_epoch_on_the_real_images(real_run: Path) -> None:
    metrics = read_metrics(real_run)
    data = FashionMNIST(root=str(REAL))
    mean = data.splits["train"].images.float().mean(dim=0) / 255
    mean_image_loss = ((data.splits["val"].images / 255 - mean) ** 2).mean()
    assert metrics["loss/val"] < float(mean_image_loss)
    assert metrics["gmm/test/accuracy"] > 0.40
