"""Kept outputs: the few text outputs that stand in committed notebooks, for nbval to compare.

``python -m lib.book.kept`` copies them from the executed notebooks under ``build/`` into the
sources; everything else in a source stays as it is.
"""

from pathlib import Path
from typing import Any

import nbformat

from lib.book.results import project_root
from lib.book.staging import book_sources
from lib.files import write_text

TAG = "keep_output"


def keep_outputs(source: Path, executed: Path) -> int:
    """Copy outputs of the cells tagged `TAG` from `executed` to `source`; returns how many.

    Raises:
        ValueError: a tagged cell is missing in `executed`, or printed something else than text.
    """
    notebook = nbformat.read(source, 4)
    by_id = {cell["id"]: cell for cell in nbformat.read(executed, 4)["cells"]}
    count = 0
    for cell in notebook["cells"]:
        if TAG not in cell["metadata"].get("tags", []):
            continue
        if cell["id"] not in by_id:
            raise ValueError(f"{executed.name} has no cell {cell['id']}: run the chapter again")
        cell["outputs"] = [_stream(output, source) for output in by_id[cell["id"]]["outputs"]]
        count += 1
        cell["execution_count"] = count  # nbval wants one; the true one moves with every edit
    write_text(source, nbformat.writes(notebook) + "\n")
    return count


def _stream(output: Any, source: Path) -> Any:
    if output["output_type"] != "stream" or output["name"] != "stdout":
        raise ValueError(
            f"{source.name}: a cell tagged {TAG} gave {output['output_type']} output; "
            "print text, so that it can be compared"
        )
    return output


def main() -> None:
    """Copy the kept outputs of all chapters and say how many."""
    root = project_root()
    for chapter in book_sources(root).notebooks:
        count = keep_outputs(root / chapter, root / "build" / chapter)
        print(f"{chapter}: {count} kept outputs")


if __name__ == "__main__":
    main()
