"""docs/extend.md, followed literally: an encoder by one module and one YAML file."""

import re
import shutil
from pathlib import Path

from conftest import python
from layout import status_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend.md").read_text()


def test_an_encoder_is_one_module_and_one_file(tmp_path: Path) -> None:
    for name in ("fmclust", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.M)
    files = [(name, text) for name, text in blocks if "flips" in name]
    assert [name for name, _ in files] == ["fmclust/models/flips.py", "conf/model/flips.yaml"]
    for name, text in files:
        (tmp_path / name).write_text(text)

    def typed(*arguments: str) -> str:
        done = python(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "flips" in typed("-m", "fmclust.train", "--help")
    small = ("data=digits", "trainer=cpu", "trainer.max_epochs=1", "hydra.run.dir=run")
    script = (
        "import runpy, sys; from contextlib import suppress; import numpy as np\n"
        f"sys.argv = {['train', 'model=flips', *small]}\n"
        "with suppress(SystemExit): runpy.run_module('fmclust.train', run_name='__main__')\n"
        "from fmclust import load_run; run = load_run('run')\n"
        "print(run.assign(np.zeros((3, 28, 28), np.uint8)).clusters)"
    )
    printed = typed("-c", script)
    assert "gmm" in printed and printed.rstrip().endswith("]")
    status = status_of(tmp_path / "run")
    assert status["status"] == "done" and status["warnings"] == []
    page = (tmp_path / "run" / "report.html").read_text()
    assert "The encoder has no decoder" in page and "cross entropy" in page
    assert not list((tmp_path / "run" / "figures").glob("*centres*"))
    assert not (tmp_path / "run" / "figures" / "reconstructions.png").exists()
