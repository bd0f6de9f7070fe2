"""MNIST and Kuzushiji-MNIST: torchvision's download from a local server, and its checksums."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from conftest import idx
from torchvision import datasets

from fmclust.data import KMNIST, MNIST, download
from fmclust.errors import UserError

SOURCES = {"MNIST": MNIST, "KMNIST": KMNIST}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=SOURCES)
def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """Serve four small files under the names of a data set, which expects their checksums."""
    site = tmp_path / "site"
    site.mkdir()
    resources: list[tuple[str, str]] = []
    for file, _ in datasets.MNIST.resources:
        n = 40 if file.startswith("train") else 5020
        shape = (n, 28, 28) if "images" in file else (n,)
        packed = gzip.compress(idx(np.random.default_rng(0).integers(0, 10, shape)))
        (site / file).write_bytes(packed)
        resources.append((file, hashlib.md5(packed).hexdigest()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kind = getattr(datasets, request.param)
    monkeypatch.setattr(kind, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(kind, "resources", resources)
    monkeypatch.setattr(download, "PAUSES", ())
    yield request.param, site
    server.shutdown()
    server.server_close()


def test_a_data_set_is_fetched_once_and_split_as_the_paper_does(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    name, site = served
    data = SOURCES[name](root=str(tmp_path / "data"))
    assert [len(split) for split in data.splits.values()] == [40, 5000, 20]
    labels = data.splits["train"].labels
    assert labels is not None
    assert len(data.class_names) == 10
    assert int(labels.max()) == 9
    for file in site.iterdir():
        file.unlink()
    again = SOURCES[name](root=str(tmp_path / "data"), split="all")
    assert len(again.splits["all"]) == 5060


def test_a_damaged_file_is_named(served: tuple[str, Path], tmp_path: Path) -> None:
    name, _ = served
    _ = SOURCES[name](root=str(tmp_path)).splits
    path = tmp_path / name / "raw" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte.gz is damaged.* rm "):
        _ = SOURCES[name](root=str(tmp_path)).splits


def test_extracted_files_are_taken_as_torchvision_takes_them(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    name, site = served
    folder = tmp_path / name / "raw"
    folder.mkdir(parents=True)
    for file in site.iterdir():
        (folder / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    _ = SOURCES[name](root=str(tmp_path)).splits


def test_a_failed_download_says_where_the_files_go(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    name, site = served
    for file in site.iterdir():
        file.unlink()
    with pytest.raises(UserError, match=rf"{name} is missing.*{name}/raw.*data.root="):
        _ = SOURCES[name](root=str(tmp_path)).splits
