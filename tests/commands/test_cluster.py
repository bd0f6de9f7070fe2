"""Clustering a finished run again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer, Finished, write_idx
from layout import rows_of, unexpected_and_missing

from fmclust import load_run
from fmclust.evaluation import stage
from fmclust.runs import locked


def test_a_run_is_clustered_again_beside_what_it_has(
    run: Path, command_line: Callable[..., Answer]
) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    answer = command_line("cluster", f"run={run}", "cluster=[agglomerative,bgmm]")
    assert answer.status == 0, answer.err
    assert "agglomerative" in answer.out and "davies" in answer.out
    assert all(path.read_bytes() == content for path, content in before.items())
    for name in ("agglomerative", "bgmm"):
        folder = run / "clusterings" / name
        metrics = json.loads((folder / "metrics.json").read_text())
        assert 0 < metrics[f"{name}/test/accuracy"] <= 1
        assert unexpected_and_missing(folder, {"labelled", "chosen", "drawn"})[0] == []
        assert (folder / "clusterers" / f"{name}.skops").exists()
    rows = rows_of(run / "clusterings" / "agglomerative" / "assignments.csv")
    marks = {(row["split"], row["propagated"]) for row in rows}
    assert marks == {("train", "0"), ("val", "1"), ("test", "1")}
    kinds = {"trained", "labelled", "chosen", "drawn", "clustered again"}
    assert unexpected_and_missing(run, kinds) == ([], [])


def test_the_same_clusterer_with_the_runs_settings_gives_the_same_clusters(
    run: Path, command_line: Callable[..., Answer]
) -> None:
    assert command_line("cluster", f"run={run}", "cluster=gmm", "name=again").status == 0
    metrics = json.loads((run / "metrics.json").read_text())
    again = json.loads((run / "clusterings" / "again" / "metrics.json").read_text())
    for name in ("log_likelihood", "test/accuracy", "train/nmi"):
        assert again[f"again/{name}"] == pytest.approx(metrics[f"gmm/{name}"], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("cluster=gmm",), ("gmm", "name=")),
        (("cluster=[bgmm,kmeans]",), ("leave kmeans out of cluster=",)),
        (("cluster=[gmm,kmeans]", "name=x"), ("name=x", "one clusterer: leave it out")),
        (("cluster=gmm", "name=../x"), ("name=../x", "folder")),
        (("cluster=gmm", "name=x", "n_clusters=0"), ("n_clusters=0", "from 1")),
        (("cluster=gmmm",), ("cluster=gmmm", "cluster=gmm.")),
        (("cluster=gmm", "name=x", "n_clusters=9999"), ("9999", "1437")),
        ((), ("cluster=",)),
    ],
)
def test_mistakes_are_answered_in_plain_words(
    arguments: tuple[str, ...],
    named: tuple[str, ...],
    run: Path,
    command_line: Callable[..., Answer],
) -> None:
    answer = command_line("cluster", f"run={run}", *arguments)
    assert answer.refuses(*named), answer.err
    assert not (run / "clusterings").exists()


def test_no_run_is_missed_in_plain_words(command_line: Callable[..., Answer]) -> None:
    answer = command_line("cluster", "run=nowhere/*", "cluster=gmm")
    assert answer.refuses("run=nowhere/*"), answer.err


def test_several_runs_at_once_and_one_that_fails_stops_no_other(
    run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "runs" / "a")
    shutil.copytree(run, tmp_path / "runs" / "b")
    status = tmp_path / "runs" / "a" / "status.json"
    text = status.read_text().replace('"done"', '"running"')
    status.write_text(text.replace('"trained": true', '"trained": false'))
    answer = command_line("cluster", "run=runs/*", "cluster=minibatch_kmeans")
    assert answer.status == 1 and "running" in answer.err and "fmclust.resume" in answer.err
    assert "1 of 2 runs" in answer.err
    assert not (tmp_path / "runs" / "a" / "clusterings").exists()
    assert (tmp_path / "runs" / "b" / "clusterings" / "minibatch_kmeans").exists()


def test_a_run_of_pixels_is_clustered_again(
    run_digits: Callable[..., Finished], command_line: Callable[..., Answer]
) -> None:
    run = run_digits("model=pixels", "cluster=kmeans")
    answer = command_line("cluster", f"run={run.directory}", "cluster=minibatch_kmeans")
    assert answer.status == 0, answer.err


def test_what_was_stopped_is_begun_anew(
    run: Path, command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stage, "save_clusterer", interrupt)
        answer = command_line("cluster", f"run={run}", "cluster=bgmm")
    assert answer.status == 130 and "type the same command again" in answer.err
    assert "resume" not in answer.err
    folder = run / "clusterings" / "bgmm"
    assert command_line("resume", f"run={folder}").status == 2
    assert load_run(run).clusterers == ("kmeans", "gmm")
    with locked(folder):
        assert command_line("cluster", f"run={run}", "cluster=bgmm").status == 2
    assert command_line("cluster", f"run={run}", "cluster=bgmm").status == 0
    assert load_run(run).clusterers == ("kmeans", "gmm", "bgmm")
    assert "bgmm/test/accuracy" in load_run(run).scores
    answer = command_line("assign", f"run={folder}", "input=.", "output=a.csv")
    assert answer.refuses(str(folder)), answer.err


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_images_that_have_changed_are_refused(
    run_digits: Callable[..., Finished], command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "own" / "train-images-idx3-ubyte"
    write_idx(path, rng.integers(0, 256, (200, 20, 16)))
    run = run_digits("data=idx", f"data.root={path.parent}", "n_clusters=3")
    write_idx(path, rng.integers(0, 256, (200, 20, 16)))
    answer = command_line("cluster", f"run={run.directory}", "cluster=kmeans")
    assert answer.refuses("images differ"), answer.err
