"""Files that try to run code, read the environment or fill the memory, and don't."""

import json
import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import skops.io
import torch
import yaml
from conftest import SMALL, Answer, sign
from PIL import Image
from sklearn.cluster import KMeans

from fmclust import load_run
from fmclust.errors import UserError

IMAGES = np.zeros((2, 28, 28), np.uint8)


class Evil:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """What is there once code has run."""
    path = tmp_path / "it ran"
    yield path
    assert not path.exists()


def evil_array(path: Path, mark: Path) -> None:
    np.save(path, np.array([Evil(mark)], object), allow_pickle=True)


def evil_arrays(path: Path, mark: Path) -> None:
    evil = np.array([Evil(mark)], object)
    np.savez(path, train=evil, images=evil, centres=evil)


def evil_checkpoint(path: Path, mark: Path) -> None:
    checkpoint = torch.load(path, weights_only=True)
    torch.save(checkpoint | {"hyper_parameters": Evil(mark)}, path)


def evil_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(mark)))


def evil_estimator(path: Path, mark: Path) -> None:
    """Name a function in a skops file."""
    skops.io.dump(KMeans(2).fit(np.eye(10)), path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(parts["schema.json"])
    named = {"module_path": "os", "function": "mkdir"}
    function = {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
    schema["content"]["content"]["copy_x"] = function | {"content": named, "__id__": 1}
    parts["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def evil_yaml(path: Path, mark: Path) -> None:
    path.write_text(f"seed: !!python/object/apply:os.mkdir ['{mark}']\n")


def evil_target(path: Path, mark: Path) -> None:
    config = yaml.safe_load(path.read_text())
    for name in ("model", "data"):
        config[name] = {"_target_": "os.mkdir", "path": str(mark)}
    for clusterer in config["cluster"].values():
        clusterer |= {"_target_": "os.mkdir", "path": str(mark)}
    path.write_text(yaml.safe_dump(config))


def evil_interpolation(path: Path, mark: Path) -> None:
    path.write_text(path.read_text() + "leak: ${oc.env:HOME}\n")


Spoil = Callable[[Path, Path], None]  # of a file, with the mark that code would leave
SPOILED: list[tuple[str, Spoil]] = [
    ("latents.npz", evil_arrays),
    ("thumbnails.npz", evil_arrays),
    ("clusterers/gmm.npz", evil_arrays),
    ("clusterers/gmm.skops", evil_estimator),
    ("clusterers/gmm.skops", evil_pickle),
    ("checkpoints/last.ckpt", evil_checkpoint),
    ("checkpoints/last.ckpt", evil_pickle),
    ("config.yaml", evil_yaml),
    ("config.yaml", evil_target),
    ("config.yaml", evil_interpolation),
    ("overrides.yaml", evil_yaml),
]
TYPED = {
    "assign": ("input=images.npy", "output=out.csv", "clusterer=gmm"),
    "cluster": ("cluster=bgmm", "figures=false"),
    "report": (),
    "elbow": ("k_max=2",),
}
READ_BY = {  # in CI; all files with all commands in test-faults
    "latents.npz": ("cluster", "elbow"),
    "thumbnails.npz": ("report",),
    "clusterers/gmm.npz": ("assign",),
    "clusterers/gmm.skops": ("assign",),
    "checkpoints/last.ckpt": ("assign",),
    "config.yaml": ("assign", "report"),
    "overrides.yaml": ("report",),
}


def refusals(
    name: str,
    spoil: Spoil,
    modules: Iterable[str],
    run: Path,
    mark: Path,
    command_line: Callable[..., Answer],
) -> int:
    """Spoil a file of a run, and counts how many commands refuse the run, in one line each."""
    np.save("images.npy", IMAGES)
    if name.endswith(".skops"):
        np.savez(run / "clusterers" / "gmm.npz")  # without arrays, so that the estimator is read
    spoil(run / name, mark)
    sign(run)
    found = 0
    for module in modules:
        key = "runs" if module == "report" else "run"
        answer = command_line(module, f"{key}={run}", *TYPED[module])
        assert answer.status in (0, 2), (module, answer.err)
        assert answer.err.count("\n") == (answer.status == 2), answer.err
        assert "weights_only" not in answer.err
        found += answer.status == 2
    return found


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=lambda v: getattr(v, "__name__", v))
def test_a_run_from_someone_else(
    name: str, spoil: Spoil, run: Path, mark: Path, command_line: Callable[..., Answer]
) -> None:
    assert refusals(name, spoil, READ_BY[name], run, mark, command_line)


@pytest.mark.long
@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=lambda v: getattr(v, "__name__", v))
def test_a_run_from_someone_else_in_every_command(
    name: str, spoil: Spoil, run: Path, mark: Path, command_line: Callable[..., Answer]
) -> None:
    refusals(name, spoil, TYPED, run, mark, command_line)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [(n, s) for n, s in SPOILED if n.startswith(("config", "overrides", "checkpoints"))],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_a_stopped_run_from_someone_else(
    name: str, spoil: Spoil, stopped: Path, mark: Path, command_line: Callable[..., Answer]
) -> None:
    spoil(stopped / name, mark)
    answer = command_line("resume", f"run={stopped}")
    if name == "overrides.yaml":  # which the page alone reads: all else is there
        assert answer.status == 0 and "report.html is missing" in answer.out, answer.out
    else:
        assert answer.refuses(), answer.err


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_stopped_runs_damaged_checkpoint_is_named(
    damage: str, stopped: Path, command_line: Callable[..., Answer]
) -> None:
    path = stopped / "checkpoints" / "last.ckpt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    half = bytes(content[: len(content) // 2])
    path.write_bytes({"truncated": half, "flipped": bytes(content), "empty": b""}[damage])
    answer = command_line("resume", f"run={stopped}")
    assert answer.refuses(f"{path} is damaged"), answer.err


def test_inputs_run_nothing(
    run: Path, mark: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    evil_array(tmp_path / "evil.npy", mark)
    answer = command_line("assign", f"run={run}", "input=evil.npy", "output=out.csv")
    assert answer.refuses(), answer.err
    with pytest.raises(UserError):
        load_run(run).assign(np.array([Evil(mark)], object))


def test_a_bomb_of_a_picture_is_refused_before_it_is_decoded(
    run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    Image.new("1", (12_000, 12_000)).save(tmp_path / "pictures" / "bomb.png")
    Image.new("L", (28, 28)).save(tmp_path / "pictures" / "fine.png")
    answer = command_line("assign", f"run={run}", "input=pictures", "output=out.csv")
    assert answer.status == 0 and "1 unreadable" in answer.out
    assert "12000x12000 pixels are more than data.max_pixels" in (tmp_path / "out.csv").read_text()


def test_a_config_of_ones_own_names_no_function(
    mark: Path, command_line: Callable[..., Answer]
) -> None:
    for key in ("cluster.gmm", "model", "data", "callbacks.curves", "logger.tensorboard"):
        typed = (f"{key}._target_=os.mkdir", f"+{key}.path='{mark}'")
        answer = command_line("train", *SMALL, *typed)
        assert answer.refuses("os.mkdir is refused"), answer.err
