"""What fails after training takes nothing else with it, and can be mended without training."""

import json

import numpy as np
import pytest
from conftest import SMALL, composed, without_times

from fmclust import load_run
from fmclust.errors import UserError
from fmclust.jobs.run import resume_job, run_job
from fmclust.runs import read_clusterings, read_status

TOO_MANY = ("cluster=spectral", "cluster.spectral.estimator.n_neighbors=5000")


@pytest.fixture
def unclustered(tmp_path):
    """A trained run whose clusterer failed, and why."""
    typed = [*SMALL, *TOO_MANY]
    with pytest.raises(UserError) as caught:
        run_job(composed(*typed), tmp_path / "run", typed)
    return tmp_path / "run", str(caught.value)


def test_a_failed_clusterer_keeps_the_encoder_and_names_the_stage(unclustered):
    run, reason = unclustered
    status = read_status(run)
    assert status["status"] == "failed" and status["stage"] == "cluster"
    assert "spectral: SpectralClustering can't cluster" in status["reason"]
    assert f"python -m fmclust.resume run={run} cluster=<option>" in reason
    assert status["class_names"] == list("0123456789") and status["images"]["train"] == 1437
    assert "loss/val" in json.loads((run / "metrics.json").read_text())
    assert load_run(run).latents["train"].shape == (1437, 10)
    with pytest.raises(UserError, match="has no clustering yet: type python -m fmclust.cluster"):
        load_run(run).assign(np.zeros((2, 28, 28), np.uint8))


def test_cluster_fills_a_run_without_a_clustering(unclustered, command_line, finished):
    run, _ = unclustered
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    answer = command_line("cluster", f"run={run}", "cluster=[kmeans,gmm]", "n_clusters=12")
    assert answer.status == 0, answer.err
    assert read_status(run)["status"] == "done" and not (run / "clusterings").exists()
    assert load_run(run).clusterers == ("kmeans", "gmm") == tuple(read_clusterings(run))
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before
    assert "kmeans and gmm" not in (run / "report.html").read_text()  # of one epoch, not two
    whole = composed(*SMALL, "cluster=[kmeans,gmm]", "n_clusters=12")
    other = run.parent / "whole"
    run_job(whole, other, [])
    assert without_times(run) == without_times(other)


def test_resume_takes_another_clusterer(unclustered, command_line):
    run, _ = unclustered
    assert command_line("resume", f"run={run}").status == 2
    answer = command_line("resume", f"run={run}", "cluster=kmeans", "n_clusters=5")
    assert answer.status == 0 and "epoch" not in answer.out, answer.err
    assert load_run(run).clusterers == ("kmeans",)
    assert read_clusterings(run)["kmeans"]["n_clusters"] == 5
    refused = command_line("resume", f"run={run.parent / 'x'}", "n_clusters=3")
    assert refused.status == 2 and "type cluster=gmm besides" in refused.err


def test_a_failed_clusterer_stops_no_other(tmp_path):
    typed = [*SMALL, "cluster=[kmeans,spectral]", TOO_MANY[1]]
    with pytest.raises(UserError, match="spectral: "):
        run_job(composed(*typed), tmp_path / "run", typed)
    assert list(read_clusterings(tmp_path / "run")) == ["kmeans"]
    assert load_run(tmp_path / "run").assign(np.zeros((2, 28, 28), np.uint8)).clusters.shape == (2,)


def test_without_the_callback_a_run_only_trains_and_cluster_encodes_later(
    run_digits, command_line, tmp_path
):
    run = run_digits("~callbacks.cluster_latents").directory
    assert read_status(run)["status"] == "done" and not (run / "latents.npz").exists()
    assert "The run has no clustering" in (run / "report.html").read_text()
    answer = command_line("cluster", f"run={run}", "cluster=gmm")
    assert answer.status == 0, answer.err
    assert without_times(run) == without_times(run_digits().directory)


def test_a_run_that_would_do_nothing_is_refused(tmp_path):
    typed = [*SMALL, "model=pixels", "~callbacks.cluster_latents"]
    with pytest.raises(UserError, match="neither train nor cluster"):
        run_job(composed(*typed), tmp_path / "run", typed)


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ("fmclust.jobs.run.write_run_page", "report.html is missing: a bug"),
        ("fmclust.evaluation.stage.draw_samples", "the figure gmm/test/samples is missing: a bug"),
    ],
)
def test_a_page_or_a_figure_that_fails_is_a_warning(broken, missing, run_digits, monkeypatch):
    def bug(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(broken, bug)
    run = run_digits("figures=true").directory
    status = read_status(run)
    assert status["status"] == "done" and status["warnings"] == [missing]
    assert "Traceback" in (run / "train.log").read_text()
    assert (run / "assignments.csv").exists()


def test_a_resumed_run_adds_up_its_times_and_names_all_it_ran_on(tmp_path, monkeypatch):
    from conftest import stop_after

    from fmclust.runs import environment

    typed = [*SMALL, "trainer.max_epochs=3"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(environment, "environment", lambda: OTHER)
        stop_after(1, patch)
        run_job(composed(*typed), tmp_path / "run", typed)
    first = read_status(tmp_path / "run")
    assert (
        first["stage"] == "fit" and first["times"]["time/total"] >= first["times"]["time/fit"] > 0
    )
    path = tmp_path / "run" / "status.json"
    longer = first["times"] | {"time/fit": 1000.0, "time/total": 2000.0}
    path.write_text(json.dumps(first | {"times": longer}))
    resume_job(tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 1000 < metrics["time/fit"] < 1500 and 2000 < metrics["time/total"] < 2500
    cpus = [found["cpu"] for found in read_status(tmp_path / "run")["environments"]]
    assert cpus[0] == "another processor" and len(cpus) == 2
    assert "another processor, 3 threads; then" in (tmp_path / "run" / "report.html").read_text()


OTHER = {
    "python": "3.11.0",
    "packages": {"fmclust": "0.2.0"},
    "cpu": "another processor",
    "gpu": None,
    "threads": 3,
}
