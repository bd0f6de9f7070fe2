"""What a run, a configuration or a name from someone else could write, delete, read or run."""

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import SMALL, Answer, Finished, composed, sign, stop_after, without_times, write_idx
from omegaconf import OmegaConf

from fmclust import load_run
from fmclust.data import FashionMNIST, mnist_family
from fmclust.data.idx import MAX_BYTES, header_of
from fmclust.errors import MAX_UNPACKED, UserError
from fmclust.jobs.advice import JOB
from fmclust.jobs.recluster import remove_unfinished
from fmclust.jobs.run import resume_job, run_job
from fmclust.reports.jobs import Job
from fmclust.reports.pages import write_runs_page
from fmclust.runs import claim, locked


def everything_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """A folder that must stay as it is."""
    folder = tmp_path / "precious"
    (folder / "bgmm").mkdir(parents=True)
    (folder / "bgmm" / "thesis.txt").write_text("years of work")
    before = everything_below(folder)
    yield folder
    assert everything_below(folder) == before


LINKS = [
    ("clusterings", "cluster", ("run=run", "cluster=bgmm")),
    ("report.html", "report", ("runs=run",)),
    ("clusterers/other.npz", "assign", ("run=run", "input=a.npy", "output=a.csv")),
]


@pytest.mark.parametrize(("name", "module", "typed"), LINKS, ids=[link[0] for link in LINKS])
def test_a_link_in_a_run_leads_nowhere(
    name: str,
    module: str,
    typed: tuple[str, ...],
    run: Path,
    precious: Path,
    command_line: Callable[..., Answer],
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 28, 28), np.uint8))
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(precious if name == "clusterings" else precious / "bgmm" / "thesis.txt")
    answer = command_line(module, *typed)
    assert answer.refuses(str(run / name), "link"), answer.err


def test_a_link_in_a_stopped_run_leads_nowhere(
    stopped: Path, precious: Path, command_line: Callable[..., Answer]
) -> None:
    (stopped / "checkpoints" / "best.ckpt").unlink()
    (stopped / "checkpoints" / "best.ckpt").symlink_to(precious / "bgmm" / "thesis.txt")
    answer = command_line("resume", f"run={stopped}")
    assert answer.refuses("best.ckpt", "link"), answer.err


CSV = "pytorch_lightning.loggers.CSVLogger"
CHECKPOINT = "pytorch_lightning.callbacks.ModelCheckpoint"
LEAVING = {
    "sub_dir": ("logger.tensorboard.sub_dir", "../out"),
    "variable": ("logger.tensorboard.comment", "$HOME"),
    "version": ("logger.csv", {"_target_": CSV, "version": ".."}),
    "network": ("logger.wandb", {"_target_": "pytorch_lightning.loggers.WandbLogger"}),
    "dirpath": ("callbacks.more", {"_target_": CHECKPOINT, "dirpath": "."}),
    "name": ("cluster.../../precious/bgmm/thesis", None),
    "profiler": (
        "trainer.profiler",
        {"_target_": "pytorch_lightning.profilers.SimpleProfiler", "filename": "../x"},
    ),
}


@pytest.mark.parametrize("way", LEAVING)
def test_a_saved_configuration_writes_nowhere_else(
    way: str, stopped: Path, precious: Path, command_line: Callable[..., Answer]
) -> None:
    key, value = LEAVING[way]
    path = stopped / "config.yaml"
    config = yaml.safe_load(path.read_text())
    group, _, name = key.partition(".")
    if way == "name":
        config["cluster"][name] = config["cluster"]["gmm"]
    else:
        *above, leaf = name.split(".")
        node = config[group]
        for part in above:
            node = node[part]
        node[leaf] = value
    path.write_text(yaml.safe_dump(config))
    answer = command_line("resume", f"run={stopped}")
    assert answer.refuses("is refused"), answer.err
    assert [p.name for p in stopped.parent.iterdir()] == ["stopped"]


def test_what_is_typed_may_write_anywhere_and_is_refused_when_a_stranger_sends_it(
    command_line: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = f"+logger.csv={{_target_:{CSV},save_dir:theirs,name:x}}"
    more = f"+callbacks.more={{_target_:{CHECKPOINT},dirpath:mine}}"
    with monkeypatch.context() as patch:
        stop_after(0, patch)
        assert command_line("train", *SMALL, csv, more, "hydra.run.dir=run").status == 130
    answer = command_line("resume", "run=run")
    assert answer.refuses("FMCLUST_TRUST=pytorch_lightning"), answer.err
    monkeypatch.setenv("FMCLUST_TRUST", "pytorch_lightning")
    assert command_line("resume", "run=run").status == 0
    assert list((tmp_path / "mine").glob("*.ckpt"))
    text = "".join(path.read_text() for path in (tmp_path / "theirs").glob("x/*/metrics.csv"))
    assert "gmm/test/accuracy" in text and "loss/val" in text


def test_a_folder_named_as_a_script_is_a_link_to_a_folder(
    finished: Finished, tmp_path: Path
) -> None:
    folder = tmp_path / "javascript:alert(1)"
    shutil.copytree(finished.directory, folder)
    write_runs_page(tmp_path / "page.html", [Job.read(folder, [])])
    assert 'href="./javascript%3Aalert%281%29/report.html"' in (tmp_path / "page.html").read_text()


def test_what_another_process_has_just_finished_is_not_removed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        remove_unfinished(run)
    assert (run / "metrics.json").exists()
    (run / "manifest.json").unlink()
    with pytest.raises(UserError, match="exists already"):
        remove_unfinished(run)
    half = tmp_path / "half"
    half.mkdir()
    (half / "config.yaml").touch()
    remove_unfinished(half)
    assert not half.exists()


def test_a_locked_run_is_left_alone_and_a_refused_folder_gets_no_lock(
    run: Path, tmp_path: Path
) -> None:
    with locked(run), pytest.raises(UserError, match="in use by another process"), locked(run):
        pass
    with locked(run):
        pass
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    with (
        pytest.raises(UserError, match="is not empty"),
        claim(tmp_path / "full", OmegaConf.create(), [], JOB),
    ):
        pass
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious"]


def test_a_damaged_status_stops_no_other_job(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    sweep = ("-m", *SMALL, "seed=0,1", "hydra.sweep.dir=sweep")
    path = tmp_path / "sweep" / "0" / "status.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"status": "do')
    answer = command_line("train", *sweep)
    assert answer.status == 1 and "status.json is damaged" in answer.err
    assert "Traceback" not in answer.err
    assert (tmp_path / "sweep" / "1" / "report.html").exists()
    shutil.rmtree(path.parent)
    assert command_line("train", *sweep).status == 0


def test_other_images_than_at_the_beginning_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8))
    path = write_idx(tmp_path / "own" / "train-images-idx3-ubyte", images)
    own = ("data=idx", f"data.root={path.parent}", "n_clusters=3", "model.kernel=4")
    typed = [*SMALL, *own, "model.stride=2", "trainer.max_epochs=3"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(1, patch)
        run_job(composed(*typed), tmp_path / "run", typed)
    write_idx(path, images[::-1])
    with pytest.raises(UserError, match="images differ"):
        resume_job(tmp_path / "run")
    write_idx(path, images)
    resume_job(tmp_path / "run")
    assert without_times(tmp_path / "run")["loss/val"] > 0


def test_earlier_results_are_not_written_over(
    run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "thesis.html").write_text("years of work")
    shutil.copytree(run, tmp_path / "runs" / "a")
    shutil.copytree(run, tmp_path / "runs" / "b")
    answer = command_line("report", "runs=runs/*", "output=thesis.html")
    assert answer.refuses("thesis.html"), answer.err
    assert command_line("report", "runs=runs/*", "output=new.html").status == 0
    assert command_line("report", "runs=runs/*", "output=new.html").status == 0
    for module, typed in {"elbow": "k_max=2", "optima": "starts=1"}.items():
        again = ("data=digits", typed, "hydra.run.dir=made")
        assert command_line(module, *again).status == 0
        answer = command_line(module, *again)
        assert answer.refuses("hydra.run.dir="), answer.err


def test_no_file_of_a_run_unfolds(run: Path) -> None:
    np.savez(run / "clusterers" / "kmeans.npz")  # without arrays: the estimator is read
    clusterers = ("clusterers/kmeans.skops", "clusterers/gmm.npz")
    for name in (*clusterers, "latents.npz", "checkpoints/last.ckpt"):  # read last first
        with zipfile.ZipFile(run / name, "a", zipfile.ZIP_DEFLATED) as file:
            file.writestr("more.npy", bytes(MAX_UNPACKED + 1), compresslevel=1)
        sign(run)
        with pytest.raises(UserError, match=Path(name).name):
            loaded = load_run(run)
            _ = loaded.latents, loaded.matching("gmm"), loaded.matching("kmeans")


def test_a_configuration_of_aliases_is_refused(run: Path) -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + bomb)
    sign(run)
    with pytest.raises(UserError, match="holds an alias"):
        load_run(run)


def test_more_bytes_than_fashion_mnist_has_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name in mnist_family.SHA256:
        with gzip.open(folder / f"{name}.gz", "wb") as file:
            file.write(header_of([2 * MAX_BYTES]) + bytes(2 * MAX_BYTES))
    with pytest.raises(UserError, match=r"is damaged: .*times its size.*Type rm"):
        FashionMNIST().read_files(folder)


BROKEN: dict[str, Callable[[Path], object]] = {
    "status": lambda run: (run / "status.json").write_text("[1]"),
    "deep": lambda run: (run / "status.json").write_text("[" * 200_000),
    "overrides": lambda run: (run / "overrides.yaml").write_text("5"),
    "config": lambda run: (run / "config.yaml").write_text(""),
    "metrics": lambda run: (run / "metrics.json").write_text('{"gmm/empty_clusters": "many"}'),
    "assignments": lambda run: (run / "assignments.csv").write_text("a,b\n1,2\n"),
    "losses": lambda run: (run / "losses.csv").write_text("epoch,loss/val\n1,small\n"),
    "thumbnails": lambda run: np.savez(run / "thumbnails.npz", images=np.zeros(3)),
    "size": lambda run: edited(run, image_size=[10**5, 10**5]),
    "facts": lambda run: edited(run, sums=None, class_names=5, packages=[]),
}


def edited(run: Path, **changes: object) -> None:
    path = run / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_run_of_another_form_is_one_line(
    kind: str, run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 28, 28), np.uint8))
    BROKEN[kind](run)
    sign(run)
    refused = 0
    for module, typed in {
        "assign": ("run=run", "input=a.npy", "output=a.csv"),
        "report": ("runs=run",),
        "cluster": ("run=run", "cluster=bgmm", "figures=false"),
        "resume": ("run=run",),
    }.items():
        answer = command_line(module, *typed)
        assert "Traceback" not in answer.err and answer.err.count("\n") <= 1, answer.err
        refused += answer.status == 2
    assert refused


MISTAKES = [
    ("train", "callbacks.curves=false"),
    ("train", "cluster.gmm=5"),
    ("train", "trainer.profiler=true"),
    ("train", "+trainer.check_val_every_n_epoch=2"),
    ("train", "~data._target_"),
    ("train", "+data._partial_=true"),
    ("train", f"hydra.run.dir={'x' * 300}"),
    ("reproduce", "parts=null"),
    ("reproduce", "overrides=null"),
    ("elbow", "cluster.kmeans=5"),
    ("cluster", "data=null"),
    ("optima", "ways.random=5"),
    ("optima", "seed=4294967290"),
]


@pytest.mark.parametrize(("module", "mistake"), MISTAKES)
def test_a_mistake_is_one_line(
    module: str, mistake: str, command_line: Callable[..., Answer]
) -> None:
    before = {
        "train": SMALL,
        "cluster": ("run=x", "cluster=gmm"),
        "elbow": ("data=digits",),
        "optima": ("data=digits", "starts=50"),
        "reproduce": (),
    }[module]
    answer = command_line(module, *before, mistake)
    assert answer.refuses(), answer.err


def test_a_table_that_a_spreadsheet_has_changed_is_one_line(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    for text in ("part;variant;seed\na;b;0\n", "part,variant,seed\nkmeans_pixels,plain,x\n"):
        (tmp_path / "made" / "results.csv").write_text(text)
        answer = command_line("reproduce", "hydra.run.dir=made", "seeds=1")
        assert answer.refuses("results.csv"), answer.err


def test_files_of_another_data_set_are_noticed_before_training(tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "raw"
    for name, n in (("train", 40), ("t10k", 5020)):
        write_idx(folder / f"{name}-images-idx3-ubyte", np.zeros((n, 28, 28)))
        write_idx(folder / f"{name}-labels-idx1-ubyte", np.arange(n) % 26)
    typed = [*SMALL, "data=mnist", f"data.root={tmp_path}"]
    with pytest.raises(UserError, match="train.* another data set"):
        run_job(composed(*typed), tmp_path / "run", typed)
