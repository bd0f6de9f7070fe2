"""torchvision's download against a local HTTP server: retries, damage, nowhere to get it."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from conftest import idx
from torchvision import datasets

from fmclust.data import FashionMNIST, download, mnist_family
from fmclust.errors import UserError


class Flaky(SimpleHTTPRequestHandler):
    """Truncate the first response for every file, as a lost connection does."""

    seen: ClassVar[set[str]] = set()
    cut = True

    def do_GET(self) -> None:
        if self.cut and self.path not in self.seen:
            self.seen.add(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"partial")
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve four small idx files whose checksums torchvision and fmclust expect."""
    site = tmp_path / "site"
    site.mkdir()
    resources, sha256 = [], {}
    for name in mnist_family.SHA256:
        raw = idx(np.zeros((6, 28, 28) if "images" in name else 6))
        packed = gzip.compress(raw)
        (site / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
        sha256[name] = hashlib.sha256(raw).hexdigest()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Flaky, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(
        datasets.FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"]
    )
    monkeypatch.setattr(datasets.FashionMNIST, "resources", resources)
    monkeypatch.setattr(mnist_family, "SHA256", sha256)
    monkeypatch.setattr(mnist_family, "SYSTEM_COPY", tmp_path / "nowhere")
    monkeypatch.setattr(download, "PAUSES", (0.0,) * 5)
    monkeypatch.setattr(Flaky, "seen", set())
    yield site
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("served")
def test_cut_connections_are_tried_again_and_the_files_verify(tmp_path: Path) -> None:
    data = FashionMNIST(root=str(tmp_path / "data"))
    folder = data.locate()
    assert folder == tmp_path / "data" / "FashionMNIST" / "raw"
    assert set(data.read_files(folder)) == set(mnist_family.SHA256)
    assert Flaky.seen, "no connection was cut"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["FashionMNIST"]


def test_an_incomplete_download_leaves_no_files(served: Path, tmp_path: Path) -> None:
    (served / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"missing.*make data.*data.root="):
        FashionMNIST(root=str(tmp_path / "data")).locate()
    assert not list((tmp_path / "data" / "FashionMNIST" / "raw").iterdir())
