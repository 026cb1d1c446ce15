"""The notebooks in the documents run from the first cell to the last, and are committed without outputs."""

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))
CELL_TIMEOUT_S = 240


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    """They would differ with every run, and hold the paths of a machine."""
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]

    assert cells
    assert [] == [cell.source for cell in cells if cell.outputs or cell.execution_count is not None]


@pytest.mark.timeout(600)
def test_the_notebook_of_a_first_model_runs_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with decisions of two versions; the report is shown as a page, and the attack is held up."""
    (path,) = (each for each in NOTEBOOKS if each.stem == "first-model")
    notebook = nbformat.read(path, 4)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()

    assert "1.0" in shown(notebook, "detector.versions()", "text/plain")
    assert "events to learn from" in shown(notebook, "data = detector.dataset()", "text/html")
    assert "<iframe srcdoc=" in shown(notebook, "detector.report()", "text/html")
    assert "try-6" in shown(notebook, "attack = ", "text/plain")
    assert "review" in shown(notebook, "attack = ", "text/plain")
    assert "average_precision" in shown(notebook, "detector.compare", "text/plain")
    assert "by 1.1" in shown(notebook, "challenger = ", "text/plain")


def shown(notebook: Any, begins: str, kind: str) -> str:
    """Return what a cell shows as its value."""
    (cell,) = (each for each in notebook.cells if each.cell_type == "code" and begins in each.source)
    return "".join(output["data"][kind] for output in cell.outputs if output.output_type == "execute_result")
