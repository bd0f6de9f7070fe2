"""What one types and what comes back: mistakes in one line, odd paths, stops and going on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL, Answer, Finished, composed, options_of, stop_after, without_times
from layout import status_of
from omegaconf import OmegaConf

from fmclust.config.command import quote_path
from fmclust.config.help import help_text
from fmclust.config.schema import conf_directory
from fmclust.jobs.run import resume_job, run_job
from fmclust.runs import read_metrics

MISTAKES: dict[str, tuple[str, ...]] = {  # what is typed: what the answer names
    "sed=1": ("seed",),
    "+sed=1": ("seed",),
    "model.latent=5": ("model.latents",),
    "model.whiskers=2": ("model.whiskers", "model.latents", "model.loss"),
    "~callbacks.progres": ("callbacks.progress",),
    "hydra.swep.dir=x": ("hydra.sweep.dir",),
    "modle=convae": ("modle", "model"),
    "model=convea": ("model=convea", "model=convae"),
    "cluster=[kmeans,gmn]": ("cluster=gmn", "cluster=gmm"),
    "experiment=x": ("experiment=x", "convae_gmm"),
    "model.latents": ("model.latents", "key=value"),
    "--data=digits": ("--data=digits", "type data=digits"),
    "model.latents=[": ("model.latents=[", "key=value"),
    "seed=1,2": ("seed=1,2", "-m", "seed=[1,2]"),
    "seed=one": ("seed=one", "Integer"),
    "seed=-1": ("seed=-1", "from 0"),
    "n_clusters=2.5": ("n_clusters=2.5", "whole number"),
    "n_clusters=1438": ("cluster.gmm", "1438", "1437"),
    "threads=0": ("threads=0", "from 1"),
    "encode_from=lst": ("encode_from=lst", "encode_from=last"),
    "trainer.max_epochs=-3": ("trainer.max_epochs=-3", "from 1"),
    "trainer.precision=7": ("trainer.precision=7", "bf16-mixed"),
    "trainer.precision=bf16-true": ("trainer.precision=bf16-mixed",),
    "trainer.limit_val_batches=0": ("trainer.limit_val_batches=0", "above 0"),
    "seed=4294967296": ("seed=4294967296", "4294967295"),
    "data.seed=-1": ("data.seed=-1", "from 0"),
    "cluster.gmm=null": ("cluster=gmm",),
    "hydra.run.dir=full/precious/x": ("full/precious/x",),
    "data=idx": ("data.root=",),
    "data.batch_size=0": ("data.batch_size=0", "from 1"),
    "data.batch_size=big": ("data.batch_size=big", "whole number"),
    "model.loss=mes": ("model.loss=mes", "model.loss=mse"),
    "model.latents=0": ("model.latents=0", "from 1"),
    "model.latents=many": ("model.latents=many", "whole number"),
    "model.lr=fast": ("model.lr=fast", "above 0"),
    "model.lr=0": ("model.lr=0", "above 0"),
    "model.kernel=3.5": ("model.kernel=3.5", "whole number"),
    "model.kernel=[]": ("model.kernel=[]", "type model.kernel=4"),
    "model.augment.aspect=1": ("aspect",),
    "model.channels=16": ("model.channels=16", "model.channels=[16]"),
    "model.channels=[0]": ("model.channels=0", "from 1"),
    "+model.depth=3": ("depth",),
    "callbacks.reconstructions.epochs=5": ("callbacks.reconstructions.epochs=[5]",),
    "cluster.gmm.covariance_type=ful": ("cluster.gmm", "covariance_type", "ful", "full"),
    "cluster.gmm.tol=-1": ("cluster.gmm", "tol", "-1"),
    "trainer.profiler=simple": ("trainer.profiler=simple", "debug=profile"),
    "cluster=prototypes": ("prototypes", "model.self_labelling_epochs="),
    "callbacks.curves=x": ("callbacks.curves=x", "~callbacks.curves"),
    "hydra.run.dir=full": ("full", "hydra.run.dir="),
}


@pytest.mark.parametrize(("mistake", "named"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_exit_status_2(
    mistake: str, named: tuple[str, ...], command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    answer = command_line("train", *SMALL, mistake)
    assert answer.refuses(*named), answer.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious"]


def test_early_stopping_on_what_is_not_there_is_one_line(
    command_line: Callable[..., Answer],
) -> None:
    stopping = ("callbacks=[default,early_stopping]", "callbacks.early_stopping.monitor=loss/vall")
    answer = command_line("train", *SMALL, *stopping)
    assert answer.refuses("callbacks.early_stopping.monitor", "loss/val"), answer.err


# Without a choice, but `spark`, which is of other commands.
UNNAMED_GROUPS = (".", "hydra/help", "hydra/job_logging", "hydra/hydra_logging", "spark")


def test_help_names_every_option_of_every_group() -> None:
    text = help_text("train")
    assert "[[" not in text and max(map(len, text.splitlines())) <= 100
    for group in sorted(p for p in conf_directory().glob("**/") if list(p.glob("*.yaml"))):
        name = group.relative_to(conf_directory()).as_posix()
        if name in UNNAMED_GROUPS:
            continue
        rest = text.split(f" {name}=", 1)[1].split("=  ", 1)[0]
        named = set(rest.replace(",", " ").split())
        assert {path.stem for path in group.glob("*.yaml")} <= named, name
    assert " gmm, agglomerative, " in text, "the default comes first"


@pytest.mark.parametrize("name", options_of("hydra/help"))
def test_every_command_has_its_help(name: str) -> None:
    text = help_text(name)
    assert text.startswith(f"python -m fmclust.{name} ") and "[[" not in text
    assert "traceback=true" in text


@pytest.mark.parametrize(
    "path", ["a b", "a=b", "a,b", "(a)", "ümläut", "it's", 'say "x"', "back\\slash", "end\\", "a#b"]
)
def test_any_path_is_read_as_it_is_typed(path: str) -> None:
    assert composed("data=idx", quote_path(f"data.root={path}")).data.root == path


def test_what_is_quoted_already_stays() -> None:
    for argument in ("run='a b'", 'hydra.run.dir="a b"', "data.root=null", "seed=1,2", "--help"):
        assert quote_path(argument) == argument


def test_odd_paths_work_in_every_key(command_line: Callable[..., Answer], tmp_path: Path) -> None:
    odd = tmp_path / "a b, (c)=d ü"
    assert command_line("train", *SMALL, f"hydra.run.dir={odd}/run").status == 0
    assert command_line("resume", f"run={odd}/run").out.endswith("nothing was done.\n")
    arguments = ("-m", *SMALL, "seed=0,1", f"hydra.sweep.dir={odd}/sweep")
    assert command_line("train", *arguments).status == 0
    assert status_of(odd / "sweep" / "1")["status"] == "done"


@pytest.mark.parametrize(
    "model",
    [
        ("model=denoising", "model.schedule=cosine"),
        ("model=contrastive", "model.self_labelling_epochs=2", "cluster=prototypes"),
    ],
    ids=["autoencoder", "contrastive"],
)
def test_ctrl_c_names_the_checkpoint_and_resume_ends_as_if_nothing_was(
    model: tuple[str, ...],
    command_line: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = (*SMALL, "trainer.max_epochs=4", "trainer.limit_train_batches=2", *model)
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        answer = command_line("train", *typed, "hydra.run.dir=stopped")
    stopped = tmp_path / "stopped"
    assert answer.status == 130
    assert f"Last checkpoint: {stopped}/checkpoints/last.ckpt." in answer.err
    assert f"python -m fmclust.resume run={stopped}\n" in answer.err
    assert status_of(stopped)["status"] == "stopped"

    answer = command_line("resume", "run=stopped")
    assert answer.status == 0 and "epoch 3/4" in answer.out and "epoch 2/4" not in answer.out
    whole = tmp_path / "whole"
    assert command_line("train", *typed, f"hydra.run.dir={whole}").status == 0
    assert without_times(stopped) == without_times(whole)
    assert (stopped / "latents.npz").read_bytes() == (whole / "latents.npz").read_bytes()


def test_a_run_stopped_before_its_clustering_is_not_trained_again(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("fmclust.jobs.run.encode_images", None)  # a bug, say
        with pytest.raises(TypeError):
            run_job(composed(*SMALL), tmp_path / "run", list(SMALL))
    assert status_of(tmp_path / "run")["status"] == "failed"
    assert command_line("resume", "run=run").status == 0
    assert command_line("train", *SMALL, "hydra.run.dir=whole").status == 0
    assert without_times(tmp_path / "run") == without_times(tmp_path / "whole")


def test_resume_refuses_what_is_no_run_or_would_read_the_environment(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    assert command_line("resume", "run=empty").refuses(str(tmp_path / "empty"))
    assert command_line("resume").refuses("run=")
    stop_after(0, monkeypatch)
    assert command_line("train", *SMALL, "hydra.run.dir=run").status == 130
    config = tmp_path / "run" / "config.yaml"
    text = config.read_text()
    for leak in ("leak: ${oc.env:HOME}\n", 'leak: "\\x24{oc.env:HOME}"\n'):
        config.write_text(text + leak)
        answer = command_line("resume", "run=run")
        assert answer.refuses("config.yaml", "interpolation"), answer.err
    assert command_line("resume", "run=null").refuses("run=None")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "loss/val"),
        (("model=pixels", "cluster=kmeans"), "kmeans/inertia"),
        (("model=pixels", "cluster=agglomerative"), "agglomerative/davies_bouldin"),
    ],
)
def test_a_sweep_minimizes_what_no_label_touches(
    options: tuple[str, ...], name: str, run_digits: Callable[..., Finished]
) -> None:
    run = run_digits(*options)
    assert status_of(run.directory)["objective"] == name
    assert run.objective == read_metrics(run.directory)[name]


def test_the_saved_config_holds_values_only(finished: Finished) -> None:
    text = (finished.directory / "config.yaml").read_text()
    assert "${" not in text
    assert OmegaConf.create(text).cluster.gmm.n_components == 12


def test_a_finished_run_is_not_resumed(finished: Finished) -> None:
    with pytest.raises(Exception, match="finished"):
        resume_job(finished.directory)


def test_a_missing_folder_leaves_nothing_behind(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = command_line("train", "data=folder", "data.root=nowhere", "hydra.run.dir=runs/a")
    assert answer.refuses("nowhere", "data.root="), answer.err
    assert not (tmp_path / "runs" / "a" / "status.json").exists()


def test_the_beginning_of_a_runs_name_is_completed(
    finished: Finished, command_line: Callable[..., Answer]
) -> None:
    typed = str(finished.directory)[:-1]
    answer = command_line("cluster", f"run={typed}", "cluster=bgmm")
    assert answer.refuses(f"run={finished.directory}."), answer.err
