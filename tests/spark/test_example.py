"""The commands of docs/cluster.md work one after the other, and on a cluster of two workers."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Answer
from PIL import Image
from standalone import standalone_cluster
from test_spark import digits, needs_java, png

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
TYPED = [shlex.split(line) for kind, block in BLOCKS if not kind for line in block.splitlines()]
SMALL = ("trainer=cpu", "trainer.max_epochs=1", "figures=false", "data.image_size=16")
pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.long, needs_java]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for number, image in enumerate(digits(60)):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


def test_the_example_of_the_page_works(
    pictures: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    for _, _, module, *typed in TYPED:
        more = SMALL if module == "fmclust.train" else ("spark.master=local[2,4]",)
        if "cluster=spark_gmm" in typed:
            more = (*more, "cluster.spark_gmm.max_iter=3", "n_clusters=4")
        if "cluster=spark_kmeans" in typed:
            more = (*more, "cluster.spark_kmeans.max_iter=3", "cluster.spark_kmeans.n_init=1")
        answer = command_line(module.removeprefix("fmclust."), *typed, *more)
        assert answer.status == 0, answer.err
    for name in ("assigned", "again"):
        assert len(pd.read_parquet(tmp_path / name)) == 60
    made = {path.name for path in (tmp_path / "outputs" / "sample" / "clusterings").iterdir()}
    assert made == {"spark_gmm", "white"}


def test_a_cluster_of_two_workers_gives_the_same(
    run: Path, command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    contents = [{"bytes": png(image)} for image in digits(500)]
    pd.DataFrame({"image": contents}).to_parquet("x.parquet")
    beside = (f"run={run}", "input=x.parquet")
    assert command_line("assign", *beside, "output=local.parquet").status == 0
    with standalone_cluster(tmp_path) as master:
        spark = ("engine=spark", f"spark.master={master}")
        answer = command_line("assign", *beside, "output=spark", *spark)
        assert answer.status == 0, answer.err
        typed = ("latents=spark", "cluster=spark_gmm", "cluster.spark_gmm.sample=100")
        assert command_line("cluster", f"run={run}", *typed, *spark).status == 0
    local, found = (pd.read_parquet(name) for name in ("local.parquet", "spark"))
    found = found.set_index("image").loc[local["image"]]
    np.testing.assert_array_equal(found["cluster"], local["cluster"])


def test_ctrl_c_is_one_line_and_leaves_nothing(run: Path, tmp_path: Path) -> None:
    contents = [{"bytes": png(image)} for image in digits(200)] * 50
    pd.DataFrame({"image": contents}).to_parquet(tmp_path / "x.parquet")
    typed = (f"run={run}", "input=x.parquet", "output=o", "engine=spark", "spark.master=local[2,4]")
    process = subprocess.Popen(
        [sys.executable, "-m", "fmclust.assign", *typed],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Java and the workers get the signal, too
    )
    while not (tmp_path / "o" / "_temporary").exists():
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.split()) == (130, ["fmclust:", "Stopped."])
    assert not (tmp_path / "o").exists()
