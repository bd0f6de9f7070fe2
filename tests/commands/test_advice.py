"""What a message says to type works when it is typed.

Every message of the package that says "type …" is provoked by a command; then what it says is
typed. A message that no situation provokes fails a test, unless it is in `NOT_TYPED`.
"""

import ast
import io
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, Answer, Finished, composed, stop_after, write_idx
from PIL import Image

import fmclust

PACKAGE = Path(fmclust.__file__).parent
SAYS = re.compile(r"\b[Tt]ype:? (?!of )")
FEW = ("data=folder", "data.root=pictures", "n_clusters=3", "trainer=cpu", "figures=false")
PIXELS = (*FEW, "model=pixels", "cluster=kmeans")
TRAINED = (*FEW, "trainer.max_epochs=1")
PRETRAINED = (*FEW, "model=pretrained", "cluster=kmeans")

# Messages that can't be provoked here, by the beginning of what they say to type, and why.
NOT_TYPED = {
    "name=<another>.": "only if two processes add the same clustering at the same time",
    "pip install 'fmclust": "the tests install all extras",
    "the same command with {}": "needs a stop in the middle: tests/jobs/test_sweeps.py",
    "data.cache=<a folder with that much space>": "only on a full disk",
    "`make data`, or": "needs the network",
    "data=idx data.root=<folder>": "needs four files with known checksums: tests/data",
    "{}, then your command again": "a damaged download: tests/data",
    "model.weights=<that file>": "needs the network",
    "trainer.devices= with at most": "needs several processes",
    "the same command again": "needs a stop in the middle: tests/jobs/test_failures.py",
    "data.root=<folder> if it was moved": "Hydra refuses `data=` before",
    "its command again": "names no command, since nothing of the run is known",
    "runs=<finished runs of this fmclust>": "only if thumbnails.npz is removed and its sum too",
}
ON_SPARK = (  # provoked in tests/spark/
    *("apt-get install", "spark.conf=", "spark.id=", "engine=local.", "sort_into=null."),
    *("output=<a new folder>", "input=<another Parquet file>", "latents=<the output of assign"),
    *("labels=", "n_clusters=<a number>", "engine=spark, or leave", "cluster=spark_kmeans, or"),
    *("run=<the run that made them>", "cluster.spark_gmm.reg_covar="),
)
NOT_TYPED |= dict.fromkeys(ON_SPARK, "needs Spark")
RANGES = {  # what a message says of a value to a value
    r"= with (?:at most|one of:?) ([^\s,]+?)[.,]?(?= |$).*": r"=\1",
    r"= with a whole number from (\d+) on": r"=\1",
    r"= with a number (?:from|above) \S+.*": "=0.5",
    r"= with (?:a value )?below \S+": "=0.001",
    r"= below 1": "=0.5",
    r"= with (\d+) to \d+": r"=\1",
    r"\.max_epochs=(?=$|[,.])": ".max_epochs=1",
    r"\bmodel= with an encoder that trains": "model=vanilla",
    r"model\.backbone= with the network that the weights are of": "model.backbone=resnet18",
    r"model\.weights=<a file with a state dict>": "model.weights=weights.pt",
    r"fewer channels, or a smaller kernel or stride": "model.kernel=3 model.stride=2",
    r"data=<option>": "data=digits",
    r"cluster=<option>": "cluster=bgmm",
    r"\brun=<[\w ]+>": "run=run",
    r"runs=<(?:a run directory|finished runs)>": "runs=run",
    r"name=<(?:another|word)>": "name=other",
    r"data\.root=<(?:value|where they are)>": "data.root=pictures",
    r"data\.root=<(?:the folder that holds it|a folder with one of them)>": "data.root=idx",
    r"data\.root=<a \.npy, \.npz or \.pt file>": "data.root=many.npy",
    r"data\.root=<a \.csv file>": "data.root=many.csv",
    r"<height>,<width>": "7,9",
    r"callbacks\.<name>": "callbacks.t",
    r"<the folder of its files, unpacked>": "pictures",
    r"<their folder>": "labelled",
    r"data\.root=<(?:folder|another folder|the folder of pictures)>": "data.root=pictures",
    r"input=<(?:a folder or file|a folder of pictures)>": "input=pictures",
    r"hydra\.run\.dir=<a new directory>": "hydra.run.dir=new",
    r"hydra\.sweep\.dir=<a new directory>": "hydra.sweep.dir=new",
    r"output=<a new file>": "output=new",
    r"sort_into=<(?:a new folder|a folder beside it)>": "sort_into=sorted",
    r"(\w+)=\[\.\.\.\]": r"\1=[]",
}
CUT = re.compile(r"(?:, (?!then)|: | for one | if | or |\.(?= |$)| first\.).*")


@dataclass(frozen=True)
class Situation:
    """A command that is refused, and the part of its message from "type" on.

    Attributes:
        typed: The module and its arguments.
        says: The beginning of what the message says to type.
        without: Arguments that the message says to leave out, or that the cure stands for.
        status: Exit status of the command.
    """

    typed: str
    says: str
    without: tuple[str, ...] = ()
    status: int = 2


def pixels(arguments: str, says: str, *without: str) -> Situation:
    return Situation(f"train {shlex.join(PIXELS)} {arguments}", says, without)


def trained(arguments: str, says: str, *without: str) -> Situation:
    return Situation(f"train {shlex.join(TRAINED)} {arguments}", says, without)


def pretrained(arguments: str, says: str) -> Situation:
    return Situation(f"train {shlex.join(PRETRAINED)} {arguments}", says)


ELBOW = "elbow k_max=3"
SITUATIONS = [
    # values
    pixels("encode_from=lst", "encode_from=last"),
    pixels("encode_from=zzz", "encode_from= with one of: last, best"),
    pixels("seed=4294967296", "seed= with at most 4294967295"),
    Situation("elbow k_max=3 run=run seed=x", "seed= with a whole number from 0 on"),
    pixels("n_clusters=0", "n_clusters= with a whole number from 1 on"),
    pixels("trainer.limit_train_batches=0", "trainer.limit_train_batches= with a number above 0"),
    trained("model.noise=-1", "model.noise= with a number from 0 on"),
    trained("callbacks.reconstructions.epochs=1", "'callbacks.reconstructions.epochs=[1]'"),
    Situation("cluster run=run cluster=bgmm figures=no", "figures=true or figures=false"),
    pixels("n_clusters=99", "n_clusters= with at most 32"),
    pixels("data=idx data.root=short n_clusters=auto", "n_clusters= with a whole number from 1 on"),
    trained(
        "n_clusters=auto model=contrastive model.self_labelling_epochs=1",
        "n_clusters= with a whole number from 1 on",
    ),
    pixels(
        "cluster=spectral n_clusters=4 cluster.spectral.sample=200 "
        "cluster.spectral.estimator.n_neighbors=5000",
        "cluster.spectral.estimator.n_neighbors= with at most 31",
    ),
    pixels("~cluster.kmeans", "cluster=gmm, for example", "~cluster.kmeans"),
    pixels("+trainer.fast_dev_run=1", "debug=fast"),
    pixels("+trainer.overfit_batches=1", "debug=overfit"),
    pixels("+trainer.max_steps=10", "trainer.max_epochs="),
    pixels("+trainer.max_time=1", "trainer.max_epochs=, and resume a run that was stopped"),
    pixels("trainer.profiler=simple", "debug=profile"),
    pixels("~callbacks.cluster_latents trainer.max_epochs=1", "model= with an encoder that trains"),
    # keys, options, flags
    pixels("+seeed=1", "seed."),
    pixels("--seed=1", "seed=1."),
    pixels("cluster=kmens", "cluster=kmeans."),
    pixels("cluster=zzz", "cluster= with one of agglomerative"),
    pixels("n_cluster=5", "n_clusters."),
    pixels("triner.max_epochs=5", "trainer.max_epochs."),
    trained("model.temperature=0.5", "model=contrastive, or leave model.temperature out"),
    pixels("data.image_size=32,24", "'data.image_size=[32,24]' for one list"),
    Situation("resume", "run=<value>."),
    # devices, networks, losses, sweeps
    pixels("trainer=gpu", "trainer=cpu."),
    pixels("trainer.precision=16-mixed", "trainer.precision=auto."),
    trained("model.loss=bce model.preprocessing=standardize", "model.loss=mse."),
    trained("model.dropout=1", "model.dropout= below 1."),
    trained("model.lr=1e30", "model.lr= with a value below 1e+30"),
    trained("model.channels=[8,8,8]", "fewer channels, or a smaller kernel or stride"),
    trained("model.kernel=[8,8]", "model.kernel=8, or one number for each"),
    pixels(
        "cluster=prototypes trainer.max_epochs=2",
        "model=contrastive model.self_labelling_epochs=8",
    ),
    trained(
        "model=contrastive model.self_labelling_epochs=1 cluster=prototypes n_clusters=99 "
        "trainer.max_epochs=2",
        "n_clusters= with at most",
    ),
    trained("model.penalty=contraction", "model=contractive, or", "model.penalty=contraction"),
    trained("model=contrastive cluster=kmeans model.augment.hue=9", "model.augment.hue=0 '"),
    pretrained("model.weights=nowhere.pt", "model.weights=<a file with a state dict>, or"),
    pretrained(
        "model.weights=weights.pt model.backbone=resnet34",
        "model.backbone= with the network that the weights are of",
    ),
    pretrained(
        "model.weights=weights.pt model.backbone=squeezenet1_0",
        "model.backbone=resnet18, for example",
    ),
    pixels("-m seed=0 hydra.sweep.dir=sweep", "hydra.sweep.dir=<a new directory>"),
    Situation(
        f"train -m seed=0 trainer.devices=2 {shlex.join(PIXELS)}",
        "trainer.devices=1 trainer.strategy=auto",
        status=1,
    ),
    # data
    pixels("data.root=nowhere", "data.root=<the folder of pictures>"),
    pixels("data.root=many.npy", "data=arrays"),
    pixels("data=arrays data.root=x", "data.root=<a .npy, .npz or .pt file>"),
    pixels("data=arrays data.root=many.csv", "data=table"),
    pixels("data=idx data.root=pictures", "data=folder", "data=idx"),
    pixels("data=table data.root=x", "data.root=<a .csv file>"),
    pixels("data=table data.root=array", "data=arrays"),
    pixels("data.root=array", "data=arrays"),
    pixels("data.root=idx", "data=idx"),
    pixels("data=table data.root=idx", "data=idx"),
    pixels("data.root=idx/train-images-idx3-ubyte", "data=idx data.root="),
    pixels("data=fashion_mnist data.root=pictures", "data=folder"),
    pixels("data=fashion_mnist data.root=classes", "data=folder"),
    pixels("data=fashion_mnist data.root=many.npy", "data=arrays"),
    pixels("data=table data.root=labelled/a.csv", "data=folder data.root=<their folder>"),
    pixels("data.root=a.rar", "data=folder data.root=<the folder of its files, unpacked>"),
    pixels("data=table data.root=odd.csv", "'data.image_size=[<height>,<width>]'"),
    pixels("data=table data.root=many.csv data.image_size=9", "data.image_size=null"),
    pixels("data=arrays data.root=arrays", "/arrays/a.npy"),
    pixels("data.root=empty", "data.root=<another folder>"),
    pixels("data.background=nosuch", "data.background=gray"),
    pixels("data=table data.root=large.parquet", "data.image_size=64, for example"),
    pixels("data.image_size=big", "28, or '[32,24]'"),
    pixels("data.image_size=999", "data.image_size= with 8 to 256"),
    replace(pixels("data.root=labelled", "data.labels="), status=0),
    pixels("data.exclude=[1]", "'data.exclude=*_mask.png', for example"),
    pixels("data.exclude=[a=b,*.gif]", "\"data.exclude=['a=b','*.gif']\""),
    pixels("data=idx data.root=empty", "data.root=<the folder that holds it>"),
    pixels("data=idx data.root=doubled", "data.root=<a folder with one of them>"),
    # warnings: the first command works too
    replace(pixels("data.root=deep", "'data.scale=[0,4080]'"), status=0),
    replace(pixels("data=idx data.root=marked", "data.unlabelled=255"), status=0),
    # run directories
    pixels("hydra.run.dir=run", "hydra.run.dir=<a new directory>"),
    Situation("resume run=null", "run=<a run directory>"),
    Situation("resume run=untrained n_clusters=3", "cluster=gmm, for example"),
    Situation("resume run=run cluster=kmeans", "python -m fmclust.cluster run="),
    Situation("resume run=damaged", "rm "),
    Situation("resume run=linked", "rm "),
    Situation("assign run=unclustered input=x.npy output=a.csv", "python -m fmclust.cluster run="),
    Situation("assign run=untrained input=x.npy output=a.csv", "python -m fmclust.resume run="),
    Situation("assign run=pictures input=x.npy output=a.csv", "run=<the directory of a finished"),
    Situation("assign run=run/clusterings/k2 input=x.npy output=a.csv", "run="),
    Situation("report runs=empty", "runs=<a run directory>"),
    Situation("report runs=untrained", "runs=<finished runs>"),
    Situation("report runs=lost", "python -m fmclust.train"),
    Situation("report runs=ru", "runs=run."),
    Situation("report runs=*run output=x.npy", "output=<a new file>"),
    # clustering again
    Situation("cluster run=run cluster=kmeans", "name=<another>"),
    Situation("cluster run=run cluster=bgmm name=a/b", "name=<word>"),
    Situation("assign run=run input=x.npy output=a.xlsx", "output=a.csv."),
    trained(
        "+callbacks.t._target_=pytorch_lightning.callbacks.Timer +callbacks.t.duration=00:00:01:00",
        "++callbacks.<name>.interval=epoch",
    ),
    Situation(f"train {shlex.join(TRAINED)} cluster=spark_kmeans", "cluster=gmm."),
    Situation(
        "cluster run=pictures_run cluster=kmeans name=b n_clusters=99", "n_clusters= with at most"
    ),
    Situation("cluster run=pictures_run cluster=gmm data=digits", "data.root=<value>"),
    Situation("cluster run=pictures_run cluster=gmm data.root=more", "data.root=<where they are>"),
    # elbow, optima, reproduce
    Situation(f"{ELBOW} run=[rl][uo]*", "run=/"),
    Situation(f"{ELBOW} run=untrained", "run=<the directory of one>"),
    Situation(f"{ELBOW} run=pictures_run", "data=<option>", ("run=pictures_run",)),
    Situation(f"{ELBOW} run=unclustered", "python -m fmclust.cluster run="),
    Situation(f"{ELBOW} data=digits model=convae", "run=<a finished run>"),
    Situation(f"{ELBOW} run=run cluster=hdbscan", "cluster=kmeans or cluster=gmm"),
    Situation(f"{ELBOW} run=run cluster=agglomerative", "cluster=kmeans or cluster=gmm"),
    Situation("elbow data=folder data.root=pictures k_max=99", "k_max= with at most 32"),
    Situation(f"{ELBOW} run=run 'cluster=[kmeans,gmm]'", "cluster=kmeans, for example"),
    Situation(f"{ELBOW} run=run hydra.run.dir=elbow", "hydra.run.dir=<a new directory>"),
    Situation("reproduce seeds=1 parts=x hydra.run.dir=re", "'parts=[...]'"),
    Situation(
        "reproduce parts=[] data.root=pictures hydra.run.dir=re",
        "\"overrides=['data.root=pictures']\"",
        ("data.root=pictures",),
    ),
    Situation("reproduce parts=[] seeds=1,2 hydra.run.dir=re", "seeds=1, or another"),
    Situation("reproduce parts=[] variants=plain,dcec hydra.run.dir=re", "'variants=[plain,dcec]'"),
    Situation(
        "reproduce parts=[] trainer.max_epochs=1 hydra.run.dir=re",
        "\"overrides=['trainer.max_epochs=1']\"",
        ("trainer.max_epochs=1",),
    ),
    Situation(
        "reproduce seeds=1 parts=[contrastive_balanced] hydra.run.dir=made",
        "'variants=[contrastive]'",
    ),
    Situation(
        "reproduce seeds=1 parts=[] overrides=[x] hydra.run.dir=made",
        "hydra.run.dir=<a new directory>",
    ),
    # assign, sorting
    Situation(
        "assign run=run input=x.npy output=a.csv contact_sheets=true", "sort_into=<a new folder>"
    ),
    Situation("assign run=run input=x.npy output=a.csv sort_into=idx", "sort_into=<a new folder>"),
    pixels("contact_sheets=true", "sort_into=<a new folder>"),
    pixels("sort_into=idx", "sort_into=<a new folder>"),
    pixels("sort_into=pictures/sorted", "sort_into=<a folder beside it>"),
    Situation("assign run=run input=x.npy output=x.npy", "output=<a new file>"),
    Situation("assign run=run input=nowhere output=a.csv", "input=<a folder or file>"),
    Situation("assign run=run input=empty output=a.csv", "input=<a folder of pictures>"),
]


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory,
    finished: Finished,
    once_stopped: Path,
    run_digits: Callable[..., Finished],
) -> Path:
    """A folder with all that the situations name, to be copied."""
    from fmclust.jobs.run import run_job
    from fmclust.paper.reproduction import COLUMNS

    here = tmp_path_factory.mktemp("workshop")
    for name in ("run", "lost"):
        shutil.copytree(finished.directory, here / name)
    (here / "lost" / "metrics.json").write_text("{")
    (here / "run" / "clusterings" / "k2").mkdir(parents=True)
    shutil.copy(here / "run" / "status.json", here / "run" / "clusterings" / "k2")
    for name in ("untrained", "damaged", "linked"):
        shutil.copytree(once_stopped, here / name)
    (here / "damaged" / "checkpoints" / "last.ckpt").write_bytes(b"PK")
    (here / "linked" / "link").symlink_to(here / "untrained")
    shutil.copytree(run_digits("~callbacks.cluster_latents").directory, here / "unclustered")
    write_inputs(here)
    write_weights(tmp_path_factory.mktemp("weights") / "weights.pt", here / "weights.pt")
    row = dict.fromkeys(COLUMNS) | {"part": "contrastive_balanced", "variant": "contrastive"}
    for name, text in {
        "elbow/elbow.csv": "",
        "made/overrides.json": "[]",
        "made/results.csv": pd.DataFrame([row | {"seed": 10}]).to_csv(index=False),
    }.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text)
    (here / "sweep").mkdir()
    (here / "sweep" / "sweep.json").write_text('[["seed=7"]]')
    typed = [text.replace("=pictures", f"={here}/pictures") for text in PIXELS]
    run_job(composed(*typed), here / "pictures_run", typed)
    return here


def write_inputs(here: Path) -> None:
    """Write the pictures, arrays and tables that the situations name."""
    for name in ("pictures", "more"):
        draw_pictures(here / name, seed=len(name))
    (here / "empty").mkdir()
    draw_pictures(here / "labelled", seed=4)
    for name in ("a.csv", "b.csv"):
        (here / "labelled" / name).write_text("file,label\n0.png,x\n1.png,y\n")
    images = np.eye(64).reshape(64, 8, 8) * 200
    for path in ("idx/train-images-idx3-ubyte", "marked/train-images-idx3-ubyte"):
        write_idx(here / path, images)
    write_idx(here / "marked" / "train-labels-idx1-ubyte", np.where(np.arange(64) % 3, 1, 255))
    for name in ("train-images-idx3-ubyte", "train-images.idx3-ubyte"):
        write_idx(here / "doubled" / name, images)
    draw_pictures(here / "deep", seed=3)
    for number in range(20):
        Image.fromarray(np.eye(30, dtype=np.uint16) * 4080).save(here / "deep" / f"{number}.png")
    np.save(here / "x.npy", np.zeros((2, 28, 28), np.uint8))
    write_idx(here / "short" / "train-images-idx3-ubyte", images[:3])
    write_idx(here / "short" / "t10k-images-idx3-ubyte", images[:10])
    for name in ("arrays", "array"):
        (here / name).mkdir()
    (here / "a.rar").write_bytes(b"Rar!")
    for name in "ab":
        draw_pictures(here / "classes" / name, seed=ord(name))
    for name in ("many.npy", "arrays/a.npy", "arrays/b.npy", "array/a.npy"):
        np.save(here / name, images.astype(np.uint8))
    (here / "tables").mkdir()
    for name, n in {"many": 64, "odd": 63, "tables/a": 64, "tables/b": 64}.items():
        rows = images.reshape(64, 64)[:, :n].astype(int)
        pd.DataFrame(rows).add_prefix("pixel").to_csv(here / f"{name}.csv", index=False)

    large = io.BytesIO()
    Image.fromarray(np.eye(300, dtype=np.uint8)).save(large, "PNG")
    pd.DataFrame({"image": [large.getvalue()] * 40}).to_parquet(here / "large.parquet")


def write_weights(path: Path, link: Path) -> None:
    """Write random weights of a network, and a link to them, which is fast to copy."""
    import torch
    import torchvision

    torch.save(torchvision.models.get_model("resnet18", weights=None).state_dict(), path)
    link.symlink_to(path)


def draw_pictures(folder: Path, *, seed: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(40):
        pixels = rng.integers(0, 40, (30, 30)) + 200 * np.eye(30, k=number % 3 * 8)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")


def said(text: str) -> list[str]:
    """Return the words that a message says to type, with values for what it leaves open."""
    words = SAYS.split(text.strip())[-1]
    for pattern, value in RANGES.items():
        words = re.sub(pattern, value, words)
    return shlex.split(CUT.sub("", words))


def second(typed: list[str], answer: str, without: tuple[str, ...]) -> list[str]:
    """Return the command that follows from what a message says to type."""
    words = said(answer)
    if words[0] == "python":
        return [words[2].removeprefix("fmclust."), *words[3:]]
    if words[0] == "rm":
        Path(words[1].rstrip(",")).unlink()
        return typed
    named = re.match(r"fmclust: '?(-*[\w./]+)", answer)
    wrong = named[1] if named else ""
    if "=" not in words[0]:  # another key, or a value
        (mistyped,) = (text for text in typed if key_of(text) == wrong.lstrip("-"))
        value = mistyped.partition("=")[2]
        is_key = not words[0][0].isdigit()
        words = [f"{words[0]}={value}" if is_key else f"{wrong}={words[0]}"]
    replaced = {wrong.lstrip("-"), *map(key_of, words)}
    kept = [text for text in typed if key_of(text) not in replaced and text not in without]
    return [*kept, *words]


def key_of(argument: str) -> str:
    return argument.partition("=")[0].lstrip("+-")


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.typed)
def test_what_a_message_says_to_type_works(
    situation: Situation, workshop: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    shutil.copytree(workshop, tmp_path, symlinks=True, dirs_exist_ok=True)
    typed = shlex.split(situation.typed)
    answer = command_line(*typed)
    lines = (answer.out + answer.err).splitlines()
    found = [line for line in lines if situation.says in line]
    assert answer.status == situation.status and found, answer.err
    again = second(typed, found[-1], situation.without)
    assert again != typed or "rm " in answer.err
    works = command_line(*again)
    assert works.status == 0, (again, works.err)


def test_what_is_said_after_a_clusterer_failed_and_after_a_stop_works(
    command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    unfit = ("cluster=spectral", "cluster.spectral.estimator.affinity=precomputed")
    answer = command_line("train", *SMALL, "model=pixels", *unfit, "hydra.run.dir=failed")
    assert answer.refuses(AFTER_A_RUN[0]), answer.err
    assert command_line(*second([], answer.err, ())).status == 0
    with monkeypatch.context() as patch:
        stop_after(0, patch)
        answer = command_line("train", *SMALL, "hydra.run.dir=stopped")
    assert answer.status == 130 and AFTER_A_RUN[1] in answer.err
    assert command_line(*second([], answer.err, ())).status == 0


def test_what_is_said_of_reversed_pictures_works(
    finished: Finished, command_line: Callable[..., Answer]
) -> None:
    np.save("white.npy", np.full((2, 28, 28), 255, np.uint8))
    typed = ["assign", f"run={finished.directory}", "input=white.npy", "output=a.csv"]
    answer = command_line(*typed)
    assert AFTER_A_RUN[2] in answer.out, answer.out
    text = next(line for line in answer.out.splitlines() if "invert=" in line)
    assert command_line(*typed[:-1], "output=b.csv", *said(text)).status == 0


AFTER_A_RUN = ("python -m fmclust.cluster run=", "python -m fmclust.resume run=", "invert=true")


def messages() -> Iterator[tuple[str, str]]:
    """Yield the place of each message that says to type something, and what; {} for values."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        expressions = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        skipped = expressions | {id(part) for node in joined for part in ast.walk(node)}
        whole = [node for node in ast.walk(tree) if id(node) not in skipped]
        for node in [*whole, *joined]:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else "{}" for part in parts]
            if all(isinstance(text, str) for text in texts):
                for says in SAYS.split("".join(map(str, texts)))[1:]:
                    yield f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}", says


def is_provoked(says: str, provoked: list[str]) -> bool:
    """Return whether a text with {} for values begins as one of the texts, or is only a value."""
    first, *rest = says.split("{}")
    if first:
        return any(text.startswith(first) or first.startswith(text) for text in provoked)
    literal = next((part for part in rest if len(part) > 3), None)
    return literal is None or any(literal[:12] in text for text in provoked)


def test_every_message_that_says_what_to_type_is_provoked() -> None:
    found = list(messages())
    provoked = [*(situation.says for situation in SITUATIONS), *AFTER_A_RUN, *NOT_TYPED]
    missing = [(place, says) for place, says in found if not is_provoked(says, provoked)]
    assert len(found) > 60 and not missing, missing
    assert all(any(is_provoked(says, [known]) for _, says in found) for known in NOT_TYPED)
