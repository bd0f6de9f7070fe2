"""TensorBoard in a browser: every panel is there and filled."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from conftest import Finished

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",  # the projector needs WebGL
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
PANELS = {  # address: texts that it must show
    "?tagFilter=loss/|lr|speed/#timeseries": [
        "loss/train",
        "loss/val",
        "lr",
        "speed/images_per_second",
    ],
    "#images": ["gmm/test/confusion_matched", "gmm/test/confusion_raw", "gmm/test/samples"],
    "#custom_scalars": ["losses", "learning rate", "images per second", "accuracy", "nmi"],
    "#hparams": ["trainer.max_epochs", "n_clusters", "loss/val"],
    "#text": ["config", "_target_: fmclust.models.Autoencoder"],
    "#projector": ["latents:00000", "metadata.tsv", "180", "class"],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_shown(page: "Page", text: str, seconds: int = 30) -> bool:
    """Waits for a text on the page or in a frame of it, where the projector lives."""
    for _ in range(10 * seconds):
        if any(frame.get_by_text(text).count() for frame in page.frames):
            return True
        page.wait_for_timeout(100)
    return False


@pytest.fixture
def board(finished: Finished) -> Iterator[str]:
    """Serves the directory of a small run; gives the address."""
    port = free_port()
    logdir = str(finished.directory.parent)
    arguments = ["--logdir", logdir, "--port", str(port), "--load_fast=false"]
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *arguments], stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/"
    for _ in range(120):
        try:
            urlopen(address).close()
            break
        except URLError:
            time.sleep(0.5)
    yield address
    server.terminate()
    server.wait()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
def test_every_panel_is_there_and_filled(board: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for panel, texts in PANELS.items():
            page = browser.new_page(viewport={"width": 1500, "height": 1100})
            page.goto(board + panel)
            for text in texts:
                assert is_shown(page, text), f"{panel} shows no {text}"
            page.close()
        browser.close()
