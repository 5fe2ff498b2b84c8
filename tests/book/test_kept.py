"""Kept outputs travel from an executed notebook to its source, and nothing else does."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from lib.book.kept import keep_outputs


def notebook(folder: Path, name: str, *, outputs: list) -> Path:
    kept = new_code_cell("print(1)", id="kept", metadata={"tags": ["keep_output"]})
    other = new_code_cell("print(2)", id="other")
    kept["outputs"] = outputs
    other["outputs"] = outputs
    path = folder / name
    nbformat.write(new_notebook(cells=[kept, other]), path)
    return path


def test_only_tagged_cells_are_filled(tmp_path):
    source = notebook(tmp_path, "source.ipynb", outputs=[])
    printed = [new_output("stream", name="stdout", text="1\n")]
    assert keep_outputs(source, notebook(tmp_path, "run.ipynb", outputs=printed)) == 1
    kept, other = nbformat.read(source, 4)["cells"]
    assert kept["outputs"][0]["text"] == "1\n"
    assert kept["execution_count"] == 1
    assert other["outputs"] == []


def test_what_is_not_printed_text_is_refused(tmp_path):
    source = notebook(tmp_path, "source.ipynb", outputs=[])
    shown = [new_output("display_data", data={"text/plain": "x"})]
    with pytest.raises(ValueError, match=r"source.ipynb: .* display_data output; print text"):
        keep_outputs(source, notebook(tmp_path, "run.ipynb", outputs=shown))


def test_a_missing_cell_is_named(tmp_path):
    source = notebook(tmp_path, "source.ipynb", outputs=[])
    empty = tmp_path / "run.ipynb"
    nbformat.write(new_notebook(), empty)
    with pytest.raises(ValueError, match=r"run.ipynb has no cell kept: run the chapter again"):
        keep_outputs(source, empty)
