"""What fails after training takes nothing else with it, and can be mended without training."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import (
    SMALL,
    Answer,
    Finished,
    composed,
    python,
    stop_after,
    without_times,
)
from layout import status_of
from sklearn.cluster import KMeans

import fmclust
from fmclust import load_run
from fmclust.errors import UserError
from fmclust.jobs.run import resume_job, run_job
from fmclust.runs import read_clusterings

UNFIT = ("cluster=spectral", "cluster.spectral.estimator.affinity=precomputed")  # needs a matrix


@pytest.fixture(scope="module")
def once_failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A trained run whose clusterer failed, and why."""
    directory, typed = tmp_path_factory.mktemp("failed") / "run", [*SMALL, *UNFIT]
    with pytest.raises(UserError) as caught:
        run_job(composed(*typed), directory, typed)
    return directory, str(caught.value)


@pytest.fixture
def unclustered(once_failed: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """A copy of that run, and why its clusterer failed."""
    directory, reason = once_failed
    copied = shutil.copytree(directory, tmp_path / "run")
    return copied, reason.replace(str(directory), str(copied))


def test_a_failed_clusterer_keeps_the_encoder_and_names_the_stage(
    unclustered: tuple[Path, str],
) -> None:
    run, reason = unclustered
    status = status_of(run)
    assert status["status"] == "failed" and status["stage"] == "cluster"
    assert status["reason"].startswith("spectral: ")
    assert f"python -m fmclust.cluster run={run} cluster=<option>" in reason
    assert status["class_names"] == list("0123456789") and status["images"]["train"] == 1437
    assert "loss/val" in json.loads((run / "metrics.json").read_text())
    assert load_run(run).latents["train"].shape == (1437, 10)
    with pytest.raises(UserError, match="no clustering.*python -m fmclust.cluster"):
        load_run(run).assign(np.zeros((2, 28, 28), np.uint8))


def test_cluster_fills_a_run_without_a_clustering(
    unclustered: tuple[Path, str], command_line: Callable[..., Answer], finished: Finished
) -> None:
    run, _ = unclustered
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    answer = command_line("cluster", f"run={run}", "cluster=[kmeans,gmm]", "n_clusters=12")
    assert answer.status == 0, answer.err
    assert status_of(run)["status"] == "done" and not (run / "clusterings").exists()
    assert load_run(run).clusterers == ("kmeans", "gmm") == tuple(read_clusterings(run))
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before
    assert "kmeans and gmm" not in (run / "report.html").read_text()  # of one epoch, not two
    whole = composed(*SMALL, "cluster=[kmeans,gmm]", "n_clusters=12")
    other = run.parent / "whole"
    run_job(whole, other, [])
    assert without_times(run) == without_times(other)


def test_resume_notes_what_changes_the_run_and_refuses_what_does_not(
    unclustered: tuple[Path, str], command_line: Callable[..., Answer]
) -> None:
    run, _ = unclustered
    for typed in ("+trainer.max_epochs=9", "++model.lr=1"):
        answer = command_line("resume", f"run={run}", "cluster=kmeans", typed)
        assert answer.refuses(f"{typed} would change nothing"), answer.err
    typed_too = ("cluster=kmeans", "++cluster.kmeans.tol=0.01", "traceback=true")
    assert command_line("resume", f"run={run}", *typed_too).status == 0
    (warning,) = status_of(run)["warnings"]
    assert warning.endswith(": cluster=kmeans ++cluster.kmeans.tol=0.01")


def test_resume_takes_another_clusterer(
    unclustered: tuple[Path, str], command_line: Callable[..., Answer]
) -> None:
    run, _ = unclustered
    assert command_line("resume", f"run={run}").status == 2
    answer = command_line("resume", f"run={run}", "cluster=kmeans", "n_clusters=5")
    assert answer.status == 0 and "epoch" not in answer.out, answer.err
    assert load_run(run).clusterers == ("kmeans",)
    assert read_clusterings(run)["kmeans"]["n_clusters"] == 5
    refused = command_line("resume", f"run={run.parent / 'x'}", "n_clusters=3")
    assert refused.refuses("n_clusters", "type cluster="), refused.err


def test_a_failed_clusterer_stops_no_other(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = [*SMALL, "cluster=[kmeans,spectral]", UNFIT[1]]
    with pytest.raises(UserError, match="spectral: "):
        run_job(composed(*typed), tmp_path / "run", typed)
    run = tmp_path / "run"
    assert list(read_clusterings(run)) == ["kmeans"]
    assert load_run(run).assign(np.zeros((2, 28, 28), np.uint8)).clusters.shape == (2,)
    answer = command_line("resume", "run=run", "cluster=gmm", "n_clusters=5000")
    assert answer.refuses("5000", "1437"), answer.err
    assert load_run(run).clusterers == ("kmeans",), "a mistake takes nothing away"
    assert command_line("cluster", "run=run", "cluster=gmm").status == 0
    assert status_of(run)["status"] == "done"
    assert load_run(run).clusterers == ("kmeans", "gmm")
    assert command_line("report", "runs=run").status == 0


class Broken(KMeans):  # type: ignore[misc]  # scikit-learn has no types
    """A clusterer with a bug."""

    def fit(self, *_: object, **__: object) -> None:
        raise MemoryError("no room")


def test_a_bug_in_a_clusterer_leaves_what_the_others_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: Callable[..., Answer]
) -> None:
    monkeypatch.setenv("FMCLUST_TRUST", __name__)
    typed = [*SMALL, "cluster=kmeans", f"+cluster.broken._target_={__name__}.Broken"]
    with pytest.raises(UserError, match="broken: no room"):
        run_job(composed(*typed), tmp_path / "run", typed)
    assert list(read_clusterings(tmp_path / "run")) == ["kmeans"]
    assert "Traceback" in (tmp_path / "run" / "train.log").read_text()


def test_a_clusterer_without_predict_is_refused_before_training(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("~cluster.gmm", "+cluster.db._target_=sklearn.cluster.DBSCAN", "hydra.run.dir=run")
    answer = command_line("train", *SMALL, *typed)
    assert answer.refuses("cluster.db", "DBSCAN", "predict"), answer.err
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_stale_results_go_when_a_run_is_clustered_by_something_else(
    tmp_path: Path, command_line: Callable[..., Answer]
) -> None:
    typed = [*SMALL, "figures=true", "cluster=[kmeans,spectral]", UNFIT[1]]
    with pytest.raises(UserError):
        run_job(composed(*typed), tmp_path / "run", typed)
    assert command_line("resume", "run=run", "cluster=gmm").status == 0
    left = {path.stem for path in (tmp_path / "run" / "clusterers").iterdir()}
    assert left == {"gmm"} and not list((tmp_path / "run" / "figures").glob("kmeans*"))
    status = status_of(tmp_path / "run")
    assert status["warnings"] == ["typed later than the run's command: cluster=gmm"]
    assert "typed later" in (tmp_path / "run" / "report.html").read_text()


def test_a_stop_while_clustering_again_locks_nothing(
    run_digits: Callable[..., Finished],
    command_line: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = run_digits("~callbacks.cluster_latents").directory
    with monkeypatch.context() as patch:

        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("fmclust.evaluation.stage.cluster", stop)
        assert command_line("cluster", f"run={run}", "cluster=gmm").status == 130
    assert status_of(run)["stage"] == "cluster"
    assert command_line("cluster", f"run={run}", "cluster=gmm").status == 0
    assert status_of(run)["status"] == "done" and load_run(run).clusterers == ("gmm",)


def test_one_of_several_later_clusterers_that_fails_stops_no_other(
    run: Path, command_line: Callable[..., Answer]
) -> None:
    bad = UNFIT[1]
    answer = command_line("cluster", f"run={run}", "cluster=[spectral,bgmm]", bad)
    assert answer.refuses("spectral: "), answer.err
    assert load_run(run).clusterers == ("kmeans", "gmm", "bgmm")


def test_assign_and_resume_of_a_run_that_only_trained(
    run_digits: Callable[..., Finished], command_line: Callable[..., Answer]
) -> None:
    run = run_digits("~callbacks.cluster_latents").directory
    np.save("images.npy", np.zeros((2, 28, 28), np.uint8))
    answer = command_line("assign", f"run={run}", "input=images.npy", "output=a.csv")
    assert answer.refuses("no clustering", "fmclust.cluster"), answer.err
    answer = command_line("resume", f"run={run}", "cluster=gmm")
    assert answer.refuses(f"python -m fmclust.cluster run={run}"), answer.err
    answer = command_line("elbow", f"run={run}")
    assert answer.refuses("encoded", f"fmclust.cluster run={run}"), answer.err


def test_a_sweep_of_runs_that_only_train_shows_their_losses(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("-m", *SMALL, "~callbacks.cluster_latents", "seed=0,1", "hydra.sweep.dir=sweep")
    answer = command_line("train", *typed)
    assert answer.status == 0, answer.err
    (path,) = (tmp_path / "sweep" / "0").glob("metrics.json")
    assert (
        f"{json.loads(path.read_text())['loss/val']:.4g}"
        in (tmp_path / "sweep" / "report.html").read_text()
    )


def test_without_the_callback_a_run_only_trains_and_cluster_encodes_later(
    run_digits: Callable[..., Finished], command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    run = run_digits("~callbacks.cluster_latents").directory
    status = status_of(run)
    assert status["status"] == "done" and not (run / "latents.npz").exists()
    assert status["warnings"] == ["callbacks has no cluster_latents: the run only trains"]
    assert "The run has no clustering" in (run / "report.html").read_text()
    answer = command_line("cluster", f"run={run}", "cluster=gmm")
    assert answer.status == 0, answer.err
    assert without_times(run) == without_times(run_digits().directory)


KILLED = """
import os, sys
import fmclust.evaluation.stage as stage
stage.cluster = lambda *_: os.kill(os.getpid(), 9)
from fmclust.train import main
main()
"""


def test_cluster_opens_a_run_that_was_killed_while_it_clustered(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(fmclust.__file__).parents[1]))
    done = python("-c", KILLED, *SMALL, "hydra.run.dir=run", cwd=tmp_path)
    status = status_of(tmp_path / "run")
    assert done.returncode == -9 and status["status"] == "running", done.stderr
    assert status["trained"] and (tmp_path / "run" / "latents.npz").exists()
    answer = command_line("cluster", "run=run", "cluster=gmm")
    assert answer.status == 0 and "epoch" not in answer.out, answer.err
    assert status_of(tmp_path / "run")["status"] == "done"
    assert load_run("run").assign(np.zeros((2, 28, 28), np.uint8)).clusters.shape == (2,)


def test_a_logger_that_fails_is_one_warning(
    run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("fmclust.training.loggers.RunLogger.log_metrics", fail)
    status = status_of(run_digits("trainer.max_epochs=2").directory)
    assert status["status"] == "done" and status["warnings"] == [
        "not every logger has the values of every epoch: no network",
        "not every logger has the final scores: no network",
    ]


def test_latents_that_are_all_noise_are_a_warning_in_three_places(
    command_line: Callable[..., Answer], run: Path
) -> None:
    noise = ("cluster=hdbscan", "cluster.hdbscan.estimator.min_cluster_size=1400")
    typed = ("train", *SMALL, "figures=true", *noise, "hydra.run.dir=new")
    for path, command in (
        (Path("new"), typed),
        (run / "clusterings" / "hdbscan", ("cluster", f"run={run}", *noise)),
    ):
        answer = command_line(*command)
        warning = "hdbscan: no cluster: all 1,437 latents of train are noise"
        assert answer.status == 0 and f"Warning: {warning}" in answer.out, answer.err
        assert status_of(path)["warnings"] == [warning]
    assert command_line("report", f"runs={run}").status == 0
    for page in (Path("new"), run):
        assert warning in (page / "report.html").read_text()


def test_a_run_that_failed_before_training_may_be_typed_again(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("train", *SMALL, "hydra.run.dir=run")
    (tmp_path / "bad").mkdir()
    for number in range(20):
        (tmp_path / "bad" / f"{number}.png").write_text("no picture")
    assert command_line(*typed, "data=folder", "data.root=bad").refuses("at least 10 are needed")
    assert (tmp_path / "run" / "unreadable.csv").exists()
    assert command_line(*typed, "model.lr=1e30").refuses("model.lr= with a value below 1e+30")
    assert command_line(*typed, "n_clusters=5000").refuses("n_clusters= with at most 1437")
    assert status_of(tmp_path / "run")["status"] == "failed"
    assert command_line(*typed).status == 0
    assert not (tmp_path / "run" / "unreadable.csv").exists()
    assert len([*(tmp_path / "run").glob("events.out.*")]) == 1, "not that of the failed attempt"
    assert command_line(*typed).refuses("not empty")


def test_names_that_no_file_can_have_are_refused_before_training(
    command_line: Callable[..., Answer], finished: Finished
) -> None:
    for name in ("a$b", "n" * 300):
        answer = command_line("train", *SMALL, f"+cluster.{name}._target_=sklearn.cluster.KMeans")
        assert answer.status == 2 and not list(Path().rglob("status.json")), answer.err
        typed = (f"run={finished.directory}", "cluster=kmeans", f"name={name}")
        assert command_line("cluster", *typed).refuses("name=<word>")


def test_a_run_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    typed = [*SMALL, "model=pixels", "~callbacks.cluster_latents"]
    with pytest.raises(UserError, match="neither train nor cluster"):
        run_job(composed(*typed), tmp_path / "run", typed)


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ("fmclust.jobs.run.write_run_page", "report.html is missing: a bug"),
        (
            "fmclust.evaluation.figures.draw_samples",
            "the figure gmm/test/samples is missing: a bug",
        ),
    ],
)
def test_a_page_or_a_figure_that_fails_is_a_warning(
    broken: str, missing: str, run_digits: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(broken, bug)
    run = run_digits("figures=true").directory
    status = status_of(run)
    assert status["status"] == "done" and status["warnings"] == [missing]
    assert "Traceback" in (run / "train.log").read_text()
    assert (run / "assignments.csv").exists()


def test_a_resumed_run_adds_up_its_times_and_names_all_it_ran_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fmclust.runs import environment

    typed = [*SMALL, "trainer.max_epochs=3"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(environment, "environment", lambda: OTHER)
        stop_after(1, patch)
        run_job(composed(*typed), tmp_path / "run", typed)
    first = status_of(tmp_path / "run")
    assert (
        first["stage"] == "fit" and first["times"]["time/total"] >= first["times"]["time/fit"] > 0
    )
    path = tmp_path / "run" / "status.json"
    longer = first["times"] | {"time/fit": 1000.0, "time/total": 2000.0}
    path.write_text(json.dumps(first | {"times": longer}))
    resume_job(tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 1000 < metrics["time/fit"] < 1500 and 2000 < metrics["time/total"] < 2500
    cpus = [found["cpu"] for found in status_of(tmp_path / "run")["environments"]]
    assert cpus[0] == "another processor" and len(cpus) == 2
    assert "another processor, 3 threads; then" in (tmp_path / "run" / "report.html").read_text()


OTHER = {
    "python": "3.11.0",
    "packages": {"fmclust": "0.2.0"},
    "cpu": "another processor",
    "gpu": None,
    "threads": 3,
}
