"""Runs examples/search.ipynb in a kernel, on few images that are made up and with children of a moment."""

import importlib.util
import os

import pytest
from helpers import ROOT, python_path

_STAND_IN = """
import os, sys
os.chdir({folder!r})
import nas_keras as nk
from helpers import tiny_images
nk.load_images = lambda *_, **__: tiny_images(count=128)
nk.TrainConfig = lambda epochs: __import__("nas_keras").children.train_config.TrainConfig(epochs=epochs, batch_size=64)
"""


def test_the_notebook_searches_and_draws(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    from nas_keras._tensorflow import load_tensorflow

    load_tensorflow()  # without it, `make test-fast` skips this test
    notebook = nbformat.read(ROOT / "examples" / "search.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(len(cell.source.splitlines()) for cell in cells) <= 15
    assert not any(cell.outputs for cell in cells)  # it is kept without results
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_STAND_IN.format(folder=str(tmp_path))))
    monkeypatch.setenv("PYTHONPATH", python_path(ROOT, ROOT / "tests"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", cwd=str(tmp_path)).execute()
    shown = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    if importlib.util.find_spec("ipywidgets") is None:  # the live line is a plain one then, without a word about it
        assert "8/8 cells |" in shown and "IProgress" not in shown and "Warning" not in shown
    drawn = [output for cell in cells for output in cell.outputs if "image/svg+xml" in output.get("data", {})]
    assert len(drawn) == 3
    assert any("% after 8 children" in output.get("text", "") for cell in cells for output in cell.outputs)
    assert os.path.exists(tmp_path / "runs" / "notebook" / "config.json")
