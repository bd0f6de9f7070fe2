"""Checksums and the version of the format: damage is named, what an owner may do is a warning."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer, Finished, composed
from layout import status_of

from fmclust import load_run
from fmclust.errors import UserError
from fmclust.runs import read_clusterings, read_matching

IMAGES = np.zeros((2, 28, 28), np.uint8)


def test_a_lost_manifest_is_a_warning_and_made_anew(
    run: Path, command_line: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    (run / "manifest.json").unlink()
    assert load_run(run).assign(IMAGES).clusters.shape == (2,)
    assert "manifest.json is missing" in caplog.text
    assert command_line("cluster", f"run={run}", "cluster=bgmm", "figures=false").status == 0
    assert (run / "manifest.json").exists()
    (run / "latents.npz").write_bytes(b"")
    with pytest.raises(UserError, match="latents.npz is damaged"):
        _ = load_run(run).latents


def test_an_edited_configuration_is_a_warning_and_from_then_on_the_runs(
    run: Path, command_line: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    path = run / "config.yaml"
    path.write_text(path.read_text() + "# mine\n")
    assert load_run(run).assign(IMAGES).clusters.shape == (2,)
    assert "config.yaml was edited" in caplog.text
    before = json.loads((run / "manifest.json").read_text())
    assert command_line("report", f"runs={run}").status == 0
    after = json.loads((run / "manifest.json").read_text())
    assert {name for name in after if after[name] != before[name]} == {"config.yaml"}


def test_a_run_of_version_0_1_is_named_with_the_version_that_opens_it(
    run: Path, command_line: Callable[..., Answer]
) -> None:
    path = run / "status.json"
    status = json.loads(path.read_text())
    del status["format"], status["environments"]
    path.write_text(json.dumps(status | {"packages": {"fmclust": "0.1.0"}}))
    np.save("images.npy", IMAGES)
    for module, typed in {
        "assign": (f"run={run}", "input=images.npy", "output=a.csv"),
        "cluster": (f"run={run}", "cluster=gmm"),
        "elbow": (f"run={run}",),
        "report": (f"runs={run}",),
        "resume": (f"run={run}",),
    }.items():
        answer = command_line(module, *typed)
        assert answer.refuses(str(run), "with fmclust 0.1.0"), answer.err


def test_a_fitted_clusterer_that_is_gone_is_named(run: Path) -> None:
    (run / "clusterers" / "gmm.npz").unlink()
    assert load_run(run).assign(IMAGES, "kmeans").clusters.shape == (2,)
    with pytest.raises(UserError, match="gmm.npz is missing"):
        load_run(run).assign(IMAGES, "gmm")


def test_a_page_over_many_runs_leaves_out_the_damaged_ones(
    run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    for name in "abc":
        shutil.copytree(run, tmp_path / "runs" / name)
    (tmp_path / "runs" / "a" / "thumbnails.npz").write_bytes(b"")
    (tmp_path / "runs" / "b" / "status.json").write_text("{")
    (tmp_path / "runs" / "c" / "report.html").unlink()
    answer = command_line("report", "runs=runs/*")
    assert answer.status == 1 and answer.err.count("\n") == 2, answer.err
    assert "thumbnails.npz is damaged" in answer.err and "status.json is damaged" in answer.err
    assert (tmp_path / "runs" / "c" / "report.html").exists()
    assert (tmp_path / "runs" / "report.html").exists()


def test_what_clusterings_json_says(finished: Finished) -> None:
    found = read_clusterings(finished.directory)
    metrics = load_run(finished.directory).metrics
    assert list(found) == ["kmeans", "gmm"]
    for name, made in found.items():
        assert made["n_clusters"] == 12
        assert {split: sum(sizes.values()) for split, sizes in made["sizes"].items()} == {
            "train": 1437,
            "val": 180,
            "test": 180,
        }
        assert set(made["matchings"]) == {"train", "val", "test"}
        assert len(set(made["matchings"]["test"].values())) == 10
        for statistic, value in made["statistics"].items():
            assert metrics[f"{name}/{statistic}"] == value
    matching = read_matching(finished.directory, "gmm")
    assert matching == {int(k): cls for k, cls in found["gmm"]["matchings"]["test"].items()}


def test_a_name_that_leads_elsewhere_is_refused(run: Path) -> None:
    path = run / "clusterings.json"
    path.write_text(json.dumps({"../../x": read_clusterings(run)["gmm"]}))
    (run / "manifest.json").unlink()
    with pytest.raises(UserError, match="clusterings.json"):
        load_run(run)


def test_the_page_says_how_many_epochs_were_trained_and_what_the_model_is_called(
    run_digits: Callable[..., Finished],
) -> None:
    stopping = ("callbacks=[default,early_stopping]", "callbacks.early_stopping.min_delta=10")
    typed = (*stopping, "callbacks.early_stopping.patience=1", "trainer.max_epochs=9")
    page = (run_digits("model=sparse", *typed).directory / "report.html").read_text()
    assert "<dt>epochs</dt><dd>2</dd>" in page and "<h1>sparse and gmm</h1>" in page
    assert composed("model=sparse").model.name == "sparse"


def test_the_status_says_what_other_tools_need(finished: Finished) -> None:
    status = status_of(finished.directory)
    assert status["images"] == {"train": 1437, "val": 180, "test": 180}
    assert status["class_names"] == list("0123456789") and status["warnings"] == []
