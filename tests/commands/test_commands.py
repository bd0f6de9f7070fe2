"""What one types and what comes back: mistakes in one line, odd paths, stops and going on."""

import pytest
from conftest import SMALL, composed, options_of, stop_after, without_times
from omegaconf import OmegaConf

from fmclust.config.command import quote_path
from fmclust.config.help import help_text
from fmclust.config.schema import conf_directory
from fmclust.jobs.run import resume_job, run_job
from fmclust.runs import read_metrics, read_status

MISTAKES = [
    ("sed=1", "sed is unknown: type seed."),
    ("+sed=1", "sed is unknown: type seed."),
    ("model.latent=5", "model.latent is unknown: type model.latents."),
    ("model.whiskers=2", "model.whiskers is unknown: there are model."),
    ("~callbacks.progres", "callbacks.progres is unknown: type callbacks.progress."),
    ("hydra.swep.dir=x", "hydra.swep.dir is unknown: type hydra.sweep.dir."),
    ("modle=convae", "modle is unknown: type model."),
    ("model=convea", "model=convea is unknown: type model=convae."),
    ("cluster=[kmeans,gmn]", "cluster=gmn is unknown: type cluster=gmm."),
    ("experiment=x", "experiment=x is unknown: type experiment= with one of convae_gmm,"),
    ("model.latents", "model.latents can't be read: write key=value, and quote a value that has"),
    ("--data=digits", "--data=digits is no flag: type data=digits."),
    ("model.latents=[", "model.latents=[ can't be read: "),
    ("seed=1,2", "seed=1,2 is several values: add -m"),
    ("seed=one", "seed=one is refused: Value 'one' of type 'str' could not be converted"),
    ("seed=-1", "seed=-1 is too small: type seed= with a whole number from 0 on."),
    ("n_clusters=2.5", "n_clusters=2.5 is refused: "),
    ("n_clusters=1438", "cluster.gmm: 1438 clusters are more than the 1437 images"),
    ("threads=0", "threads=0 is too small"),
    ("encode_from=lst", "encode_from=lst is unknown: type encode_from=last."),
    ("trainer.max_epochs=-3", "trainer.max_epochs=-3 is too small"),
    ("trainer.precision=7", "trainer.precision=7 is unknown: type trainer.precision= with one"),
    ("trainer.precision=bf16-true", "type trainer.precision=bf16-mixed."),
    ("trainer.limit_val_batches=0", "trainer.limit_val_batches=0 is too small"),
    ("seed=4294967296", "seed=4294967296 is too large"),
    ("data.seed=-1", "data.seed=-1 is too small"),
    ("cluster.gmm=null", "no clusterer: type cluster=gmm"),
    ("hydra.run.dir=full/precious/x", "Not a directory."),
    ("data=idx", "data.root is missing: type data.root=<value>."),
    ("data.batch_size=0", "data.batch_size=0 is too small"),
    ("data.batch_size=big", "data.batch_size=big is no whole number"),
    ("model.loss=mes", "model.loss=mes is unknown: type model.loss=mse."),
    ("model.latents=0", "model.latents=0 is too small"),
    ("model.latents=many", "model.latents=many is no whole number"),
    ("model.lr=fast", "model.lr=fast is no number: type model.lr= with a number above 0."),
    ("model.lr=0", "model.lr=0 is too small"),
    ("model.channels=16", "model.channels=16 is no list: type 'model.channels=[16]'."),
    ("model.channels=[0]", "model.channels=0 is too small"),
    ("+model.depth=3", "unexpected keyword argument 'depth'"),
    ("callbacks.reconstructions.epochs=5", "type 'callbacks.reconstructions.epochs=[5]'."),
    ("cluster.gmm.covariance_type=ful", "cluster.gmm: The 'covariance_type' parameter"),
    ("cluster.gmm.tol=-1", "cluster.gmm: The 'tol' parameter of GaussianMixture must be"),
    ("trainer.profiler=simple", "trainer.profiler=simple has no _target_: type debug=profile."),
    ("callbacks.curves=x", "callbacks.curves=x has no _target_: remove it with ~callbacks.curves."),
    ("hydra.run.dir=full", "full is not empty, and a run never writes over another"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES, ids=[m for m, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_status_2(mistake, message, command_line, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    answer = command_line("train", *SMALL, mistake)
    assert answer.status == 2
    assert answer.err.startswith("fmclust: ") and answer.err.count("\n") == 1
    assert message in answer.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious"]


def test_early_stopping_on_what_is_not_there_is_one_line(command_line):
    stopping = ("callbacks=[default,early_stopping]", "callbacks.early_stopping.monitor=loss/vall")
    answer = command_line("train", *SMALL, *stopping)
    assert answer.status == 2 and answer.err.count("\n") == 1
    assert "callbacks.early_stopping.monitor" in answer.err and "loss/val" in answer.err


def test_help_names_every_option_of_every_group():
    text = help_text("train")
    assert "[[" not in text and max(map(len, text.splitlines())) <= 100
    for group in sorted(p for p in conf_directory().glob("**/") if list(p.glob("*.yaml"))):
        name = group.relative_to(conf_directory()).as_posix()
        if name in (".", "hydra/help", "hydra/job_logging"):
            continue
        rest = text.split(f" {name}=", 1)[1].split("=  ", 1)[0]
        named = set(rest.replace(",", " ").split())
        assert {path.stem for path in group.glob("*.yaml")} <= named, name
    assert " gmm, agglomerative, " in text, "the default comes first"


@pytest.mark.parametrize("name", options_of("hydra/help"))
def test_every_command_has_its_help(name):
    text = help_text(name)
    assert text.startswith(f"python -m fmclust.{name} ") and "[[" not in text
    assert "traceback=true" in text


@pytest.mark.parametrize(
    "path", ["a b", "a=b", "a,b", "(a)", "ümläut", "it's", 'say "x"', "back\\slash", "end\\", "a#b"]
)
def test_any_path_is_read_as_it_is_typed(path):
    assert composed("data=idx", quote_path(f"data.root={path}")).data.root == path


def test_what_is_quoted_already_stays():
    for argument in ("run='a b'", 'hydra.run.dir="a b"', "data.root=null", "seed=1,2", "--help"):
        assert quote_path(argument) == argument


def test_odd_paths_work_in_every_key(command_line, tmp_path):
    odd = tmp_path / "a b, (c)=d ü"
    assert command_line("train", *SMALL, f"hydra.run.dir={odd}/run").status == 0
    assert command_line("resume", f"run={odd}/run").out.endswith("nothing was done.\n")
    arguments = ("-m", *SMALL, "seed=0,1", f"hydra.sweep.dir={odd}/sweep")
    assert command_line("train", *arguments).status == 0
    assert read_status(odd / "sweep" / "1")["status"] == "done"


def test_ctrl_c_names_the_checkpoint_and_resume_ends_as_if_nothing_was(
    command_line, tmp_path, monkeypatch
):
    typed = (*SMALL, "trainer.max_epochs=4", "model=denoising", "model.schedule=cosine")
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        answer = command_line("train", *typed, "hydra.run.dir=stopped")
    stopped = tmp_path / "stopped"
    assert answer.status == 130
    assert f"Last checkpoint: {stopped}/checkpoints/last.ckpt." in answer.err
    assert f"python -m fmclust.resume run={stopped}\n" in answer.err
    assert read_status(stopped)["status"] == "stopped"

    answer = command_line("resume", "run=stopped")
    assert answer.status == 0 and "epoch 3/4" in answer.out and "epoch 2/4" not in answer.out
    whole = tmp_path / "whole"
    assert command_line("train", *typed, f"hydra.run.dir={whole}").status == 0
    assert without_times(stopped) == without_times(whole)
    assert (stopped / "latents.npz").read_bytes() == (whole / "latents.npz").read_bytes()


def test_a_run_stopped_before_its_clustering_is_not_trained_again(
    command_line, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("fmclust.jobs.run.evaluate", None)  # a bug, say
        with pytest.raises(TypeError):
            run_job(composed(*SMALL), tmp_path / "run", list(SMALL))
    assert read_status(tmp_path / "run")["status"] == "failed"
    assert command_line("resume", "run=run").status == 0
    assert command_line("train", *SMALL, "hydra.run.dir=whole").status == 0
    assert without_times(tmp_path / "run") == without_times(tmp_path / "whole")


def test_resume_refuses_what_is_no_run_or_would_read_the_environment(
    command_line, tmp_path, monkeypatch
):
    (tmp_path / "empty").mkdir()
    assert "is no run directory" in command_line("resume", "run=empty").err
    assert "run is missing: type run=<value>." in command_line("resume").err
    stop_after(0, monkeypatch)
    assert command_line("train", *SMALL, "hydra.run.dir=run").status == 130
    config = tmp_path / "run" / "config.yaml"
    text = config.read_text()
    for leak in ("leak: ${oc.env:HOME}\n", 'leak: "\\x24{oc.env:HOME}"\n'):
        config.write_text(text + leak)
        answer = command_line("resume", "run=run")
        assert answer.status == 2 and "holds an interpolation" in answer.err
    assert "run=None is no directory" in command_line("resume", "run=null").err


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "loss/val"),
        (("model=pixels", "cluster=kmeans"), "kmeans/inertia"),
        (("model=pixels", "cluster=agglomerative"), "agglomerative/davies_bouldin"),
    ],
)
def test_a_sweep_minimizes_what_no_label_touches(options, name, run_digits):
    run = run_digits(*options)
    assert read_status(run.directory)["objective"] == name
    assert run.objective == read_metrics(run.directory)[name]


def test_the_saved_config_holds_values_only(finished):
    text = (finished.directory / "config.yaml").read_text()
    assert "${" not in text
    assert OmegaConf.create(text).cluster.gmm.n_components == 12


def test_a_finished_run_is_not_resumed(finished):
    with pytest.raises(Exception, match="finished"):
        resume_job(finished.directory)


def test_a_missing_folder_leaves_nothing_behind(command_line, tmp_path):
    answer = command_line("train", "data=folder", "data.root=nowhere", "hydra.run.dir=runs/a")
    assert answer.status == 2 and "nowhere is no folder" in answer.err
    assert not (tmp_path / "runs" / "a" / "status.json").exists()


def test_the_beginning_of_a_runs_name_is_completed(finished, command_line):
    typed = str(finished.directory)[:-1]
    answer = command_line("cluster", f"run={typed}", "cluster=bgmm")
    assert answer.status == 2 and f"type run={finished.directory}." in answer.err
