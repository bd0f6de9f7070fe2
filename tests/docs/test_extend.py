"""docs/extend.md, followed literally: an encoder by one module and one YAML file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fmclust.runs import read_status

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend.md").read_text()


def test_an_encoder_is_one_module_and_one_file(tmp_path):
    for name in ("fmclust", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.M)
    files = [(name, text) for name, text in blocks if "flips" in name]
    assert [name for name, _ in files] == ["fmclust/models/flips.py", "conf/model/flips.yaml"]
    for name, text in files:
        (tmp_path / name).write_text(text)

    def typed(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "flips" in typed("fmclust.train", "--help")
    small = ("data=digits", "trainer=cpu", "trainer.max_epochs=2", "hydra.run.dir=run")
    assert "gmm" in typed("fmclust.train", "model=flips", *small)
    status = read_status(tmp_path / "run")
    assert status["status"] == "done" and status["warnings"] == []
    page = (tmp_path / "run" / "report.html").read_text()
    assert "The encoder has no decoder" in page and "cross entropy" in page
    assert not list((tmp_path / "run" / "figures").glob("*centres*"))
    assert not (tmp_path / "run" / "figures" / "reconstructions.png").exists()
    script = (
        "import numpy as np; from fmclust import load_run; run = load_run('run');"
        "a = run.assign(np.zeros((3, 28, 28), np.uint8)); print(a.clusters, a.distance)"
    )
    assert (
        "["
        in subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
