"""A project with two small chapters."""

from pathlib import Path

import nbformat

FIRST, LAST = "chapters/01-first.ipynb", "chapters/90-last.ipynb"
PARAMETERS = 'preset = "tiny"\nseed = 0\ndata_dir = ""'


def write_notebook(path: Path, *cells: str, tagged: int = 1) -> None:
    """A notebook with a title, `tagged` parameters cells, and these code cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell("# Title {#sec-title}")]
    for _ in range(tagged):
        cell = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        notebook.cells.append(cell)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def write_book(folder: Path) -> Path:
    """A project with two small chapters."""
    (folder / "pyproject.toml").touch()
    (folder / "_quarto.yml").write_text(
        "project:\n  type: book\n  output-dir: _book\n  resources: [extra/*.json]\n"
        "book:\n  favicon: pictures/icon.svg\n  chapters:\n    - index.qmd\n"
        f"    - part: One\n      chapters:\n        - {FIRST}\n"
        f"  appendices:\n    - {LAST}\nbibliography: references.bib\n"
    )
    assets = ("pictures/icon.svg", "figures/seen.png", "extra/a.json", "extra/b.csv")
    for name in ("index.qmd", "references.bib", "lib/part.py", *assets):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    write_notebook(
        folder / FIRST,
        "import os, pathlib\n"
        'print(preset, seed, pathlib.Path.cwd().name, os.environ["SEEING_ROOT"])\n'
        'log = pathlib.Path(os.environ["SEEING_ROOT"], "log")\n'
        'log.write_text((log.read_text() if log.exists() else "") + "x")',
    )
    write_notebook(folder / LAST, "1 + 1")
    return folder
