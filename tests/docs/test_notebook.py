"""The notebook in docs/ runs, and its outputs are those of today."""

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.mark.filterwarnings("ignore")  # of the kernel's own machinery
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # of a command in another test
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = [texts_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        cell.source = cell.source.replace("max_epochs=20", "max_epochs=1")
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    made = [texts_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert [len(texts) for texts in made] == [len(texts) for texts in kept]
    assert "(1797, 10)" in made[2][0] and made[2][0].splitlines()[0] == kept[2][0].splitlines()[0]
    assert "report.html" in made[3][0] and made[3] == kept[3]
    for texts in (*made, *kept):
        assert not any(re.search(r"Warning|/(home|root|work)/", text) for text in texts), texts
    figures = [o for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    assert any("image/png" in output["data"] for output in figures)


def texts_of(cell: Any) -> list[str]:
    """Return the texts that a cell has printed or returned."""
    outputs = cell.outputs
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    ]
    return [text for text in texts if text]
