"""Sweeps: every combination a job, failures told, and only what is missing run again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Answer, stop_after
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from layout import rows_of
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule, Trainer

from fmclust.config.schema import conf_directory
from fmclust.errors import UserError
from fmclust.jobs.sweep import planned_jobs
from fmclust.metrics import SCORES
from fmclust.reports.jobs import Job, varied_keys
from fmclust.reports.markdown import mean_and_sd
from fmclust.reports.scores import score_frame
from fmclust.runs import NO_OBJECTIVE, read_config, read_objective
from fmclust.training.callbacks import LearningCurves

SWEEP = ("-m", *SMALL, "trainer.max_epochs=1,2", "hydra.sweep.dir=sweep")


def test_a_sweep_ends_with_tables_csvs_and_a_plot(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    hasty = ("cluster=[kmeans,gmm]", "cluster.gmm.max_iter=1")
    answer = command_line("train", *SWEEP, "seed=0,1", *hasty)
    assert answer.status == 0, answer.err
    jobs = rows_of(tmp_path / "sweep" / "jobs.csv")
    assert [(job["trainer.max_epochs"], job["seed"]) for job in jobs] == [
        (epochs, seed) for epochs in "12" for seed in "01"
    ]
    for job in jobs:
        assert job["status"] == "done" and "converge" in job["remarks"]
    assert "converge" in answer.out
    assert "converge" in (tmp_path / "sweep" / "report.html").read_text()
    summary = {
        (row["trainer.max_epochs"], row["metric"]): row
        for row in rows_of(tmp_path / "sweep" / "summary.csv")
    }
    scores = [float(job["gmm/test/accuracy"]) for job in jobs[:2]]
    row = summary["1", "gmm/test/accuracy"]
    assert row["seeds"] == "2"
    assert float(row["mean"]) == pytest.approx(np.mean(scores))
    assert float(row["sd"]) == pytest.approx(np.std(scores, ddof=1))
    assert f"{np.mean(scores):.4f}" in answer.out and "job 3: epoch 2/2" in answer.out
    assert "HYDRA" not in answer.out and "job 3: data=" in answer.out
    assert (tmp_path / "sweep" / "sweep.png").stat().st_size > 10_000


def test_a_failed_job_stops_no_other_and_is_run_again(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(1, patch, error=RuntimeError("a bad day"))
        answer = command_line("train", *SWEEP, "trainer.max_epochs=2,1")
    sweep = tmp_path / "sweep"
    assert answer.status == 1
    assert [job["status"] for job in rows_of(sweep / "jobs.csv")] == ["failed", "done"]
    assert "RuntimeError: a bad day" in answer.out
    assert "RuntimeError: a bad day" in (sweep / "0" / "train.log").read_text()

    before = (sweep / "1" / "metrics.json").stat().st_mtime_ns
    answer = command_line("train", *SWEEP, "trainer.max_epochs=2,1")
    assert answer.status == 0
    assert "2 jobs in sweep, 1 done already" in answer.out
    assert [job["status"] for job in rows_of(sweep / "jobs.csv")] == ["done"] * 2
    assert (sweep / "1" / "metrics.json").stat().st_mtime_ns == before

    answer = command_line("train", *SWEEP, "trainer.max_epochs=2,1,3")
    assert answer.refuses("sweep", "hydra.sweep.dir="), answer.err


def test_a_refused_job_is_in_the_table_with_its_reason(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = ("trainer.max_epochs=0,1", "hydra.sweep.dir=sweep")
    answer = command_line("train", *SWEEP[:-2], *typed)
    assert answer.status == 1
    jobs = rows_of(tmp_path / "sweep" / "jobs.csv")
    assert [job["status"] for job in jobs] == ["failed", "done"]
    assert "trainer.max_epochs=0 is too small" in jobs[0]["remarks"]


def test_a_refused_job_is_finished_once_it_can_be(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("fmclust.jobs.run.require_device", refusing("no such device"))
        assert command_line("train", *SWEEP, "trainer.max_epochs=1,1").status == 1
    answer = command_line("train", *SWEEP, "trainer.max_epochs=1,1")
    assert answer.status == 0, answer.err
    assert [job["status"] for job in rows_of(tmp_path / "sweep" / "jobs.csv")] == ["done"] * 2


def test_a_job_that_failed_before_it_began_is_run_or_gives_its_new_reason(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = (*SWEEP[:-2], "trainer.max_epochs=1,2", "trainer.precision=auto", SWEEP[-1])
    for reason in ("the first reason", "the second reason"):
        with monkeypatch.context() as patch:
            patch.setattr("fmclust.jobs.run.check", refusing(reason))
            patch.setattr("fmclust.jobs.run.require_weights", refusing(reason))
            answer = command_line("train", *typed)
        assert answer.status == 1 and "2 of 2 jobs ended, 2 failed" in answer.out
        assert [job["remarks"] for job in rows_of(tmp_path / "sweep" / "jobs.csv")] == [reason] * 2
        assert "1 of 2 jobs ended, 1 failed" in answer.out, "those of before do not count"
    answer = command_line("train", *typed)
    assert answer.status == 0, answer.err
    assert read_config(tmp_path / "sweep" / "0").trainer.precision != "auto"
    answer = command_line("train", *typed)
    assert "2 done already" in answer.out and "jobs ended" not in answer.out


def refusing(reason: str) -> Callable[[object], None]:
    def refuse(_: object) -> None:
        raise UserError(reason)

    return refuse


def test_a_clustering_of_noise_alone_has_no_objective(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    key = "cluster.hdbscan.estimator.min_cluster_size=5,1400"
    typed = ("model=pixels", "cluster=hdbscan", key, "hydra.sweep.dir=sweep")
    answer = command_line("train", "-m", *SMALL, *typed)
    assert answer.status == 0, answer.err
    found, noise = rows_of(tmp_path / "sweep" / "jobs.csv")
    assert float(found["objective"]) == float(found["hdbscan/davies_bouldin"])
    assert noise["objective"] == "" and "noise" in noise["remarks"]
    assert read_objective(tmp_path / "sweep" / "1") == NO_OBJECTIVE


def test_a_sweep_without_labels_and_objective_has_its_tables(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8))
    typed = ("data=arrays", "data.root=a.npy", "model=pixels", "cluster=agglomerative")
    answer = command_line(
        "train", "-m", *typed, "n_clusters=1", "figures=false", "seed=0,1", "hydra.sweep.dir=sweep"
    )
    assert answer.status == 0, answer.err
    assert "objective:" not in answer.out and (tmp_path / "sweep" / "report.html").exists()
    assert not (tmp_path / "sweep" / "sweep.png").exists()


def test_ctrl_c_ends_the_sweep_with_the_table_so_far(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        answer = command_line("train", *SWEEP)
    assert answer.status == 130
    jobs = rows_of(tmp_path / "sweep" / "jobs.csv")
    assert [job["status"] for job in jobs] == ["done", "stopped"]
    assert "interrupted from the keyboard" in answer.out
    assert f"type the same command with hydra.sweep.dir={tmp_path}/sweep" in answer.err
    assert "1 of 2 jobs ended" in answer.out and "2 of 2 jobs ended" not in answer.out

    seen = []
    log_epoch = LearningCurves.on_train_epoch_end

    def noted(self: LearningCurves, trainer: Trainer, module: LightningModule) -> None:
        seen.append(trainer.current_epoch)
        log_epoch(self, trainer, module)

    monkeypatch.setattr(LearningCurves, "on_train_epoch_end", noted)
    assert command_line("train", *SWEEP).status == 0
    assert seen == [1], "only the second epoch of the second job was missing"


@pytest.mark.parametrize("several", ["trainer=ddp", "trainer.devices=2"])
def test_several_devices_are_refused_in_a_sweep(
    several: str, command_line: Callable[..., Answer]
) -> None:
    answer = command_line("train", *SWEEP, several, "trainer.accelerator=cpu")
    assert answer.status == 1 and "start the whole sweep again" in answer.err


def test_a_sweep_that_was_refused_as_a_whole_leaves_its_directory_free(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = command_line("train", *SWEEP[:-2], "seed=0,one", "hydra.sweep.dir=sweep")
    assert answer.refuses("seed=one"), answer.err
    assert "Jobs" not in answer.out and not (tmp_path / "sweep" / "sweep.json").exists()
    answer = command_line("train", *SWEEP[:-2], "seed=interval(0,1)", "hydra.sweep.dir=sweep")
    assert answer.refuses("INTERVAL"), answer.err
    answer = command_line("train", *SWEEP[:-2], "seed=shuffle(0,1)", "hydra.sweep.dir=sweep")
    assert answer.refuses("seed is shuffled anew"), answer.err


def test_a_damaged_plan_and_other_directories_are_refused(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text("[")
    assert "sweep.json is damaged" in command_line("train", *SWEEP).err
    answer = command_line("train", *SWEEP, "hydra.sweep.subdir=j${hydra.job.num}")
    assert answer.refuses("hydra.sweep.subdir="), answer.err


def job(number: int, overrides: list[str], metrics: dict[str, float]) -> Job:
    settings = dict(override.split("=") for override in overrides)
    clusterings: dict[str, tuple[str, ...]] = {"gmm": ("test",)} if metrics else {}
    status = "done" if metrics else "failed"
    return Job(
        Path(str(number)),
        settings,
        status,
        metrics=metrics,
        objective="gmm/bic",
        clusterings=clusterings,
    )


def test_jobs_that_differ_in_their_seed_alone_are_one_group() -> None:
    def scores(accuracy: float) -> dict[str, float]:
        return {f"gmm/test/{score}": accuracy for score in SCORES} | {"objective": -accuracy}

    jobs = [
        job(0, ["a=1", "b=x", "seed=0"], scores(1.0)),
        job(1, ["a=1", "b=x", "seed=1"], scores(3.0)),
        job(2, ["a=2", "b=x", "seed=0"], scores(5.0)),
        job(3, ["a=2", "b=x", "seed=1"], {}),
    ]
    assert varied_keys(jobs) == ["a"]
    frame = score_frame([job for job in jobs if job.status == "done"], ["a"])
    accuracy = frame[frame.panel == "accuracy"]
    assert accuracy["a"].tolist() == ["1", "2"] and accuracy["mean"].tolist() == [2.0, 5.0]
    assert accuracy["count"].tolist() == [2, 1]
    assert accuracy["std"].iloc[0] == pytest.approx(2**0.5) and np.isnan(accuracy["std"].iloc[1])
    assert frame[frame.panel == "gmm/bic"]["mean"].tolist() == [-2.0, -5.0]
    assert mean_and_sd([1.0, 3.0]) == "2.0000 ± 1.4142"
    assert mean_and_sd([5.0]) == "5.0000" and mean_and_sd([]) == ""


def test_jobs_are_those_of_hydras_basic_sweeper() -> None:
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    typed = [
        "a=3,4",
        "a=1,2",
        "b=x",
        "c=range(0,3)",
        "d='a b','c,d'",
        "+e.f=[1,2]",
        "~z",
        "q=[1],[2]",
        "model=glob(conv*,exclude=*_dcec)",
    ]
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("config", return_hydra_config=True)
        config.hydra.sweeper.params = {"s": "1,2"}
        OmegaConf.update(config, "hydra.overrides.task", typed)
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(loader).parse_overrides(["s=1,2", *typed])
        assert planned_jobs(config) == BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]
        OmegaConf.update(config, "hydra.sweeper._target_", "x.OptunaSweeper")
        assert planned_jobs(config) is None
