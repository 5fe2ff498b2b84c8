"""The kernel of the chapters: this interpreter, on sockets of its own."""

import sys
import tempfile
from pathlib import Path

import nbformat
import papermill
import pytest

from lib.book.kernel import kernel_of_this_python

ASKED = """
import os, sys
from IPython import get_ipython
app = get_ipython().kernel.parent
print(sys.executable, app.transport, app.ip, os.environ["SEEING_ROOT"], sep="\\n")
"""


def answers(folder: Path) -> list[str]:
    """Interpreter, transport, address and project folder of a kernel that was started."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ASKED)])
    nbformat.write(notebook, folder / "asked.ipynb")
    with kernel_of_this_python(folder) as connection:
        done = papermill.execute_notebook(
            str(folder / "asked.ipynb"),
            None,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            config=connection,
        )
    return "".join(output.text for output in done.cells[0].outputs).split("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no sockets that are files")
def test_no_port_is_taken_from_anybody(tmp_path):
    before = sorted(Path.cwd().iterdir())
    interpreter, transport, address, root = answers(tmp_path)[:4]
    assert (interpreter, transport, root) == (sys.executable, "ipc", str(tmp_path))
    assert address.startswith(tempfile.gettempdir())
    assert not Path(address).parent.exists(), "sockets are left behind"
    assert sorted(Path.cwd().iterdir()) == before


def test_where_paths_are_too_long_for_sockets_it_is_ports(tmp_path, monkeypatch):
    long = tmp_path / ("d" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert answers(tmp_path)[1] == "tcp"
