"""Executing chapters with papermill: each once, and again only when something it rests on changed.

An executed chapter lies in ``build/chapters/``, with a stamp under ``build/.executed/`` that says
what it was made from. Stamp and notebook are written only after the last cell has run, so whatever
breaks off in between is executed again next time.
"""

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat

from lib.book.fingerprint import chapter_fingerprint
from lib.book.kernel import kernel_of_this_python
from lib.book.results import LIVE_PRESET, live_path
from lib.book.staging import book_sources
from lib.files import digest, write_json, write_text

Parameters = Mapping[str, Any]
PNG, JPEG = "image/png", "image/jpeg"
TEXT_PX = 600  # the text's width in print, 96 pixels to the inch
HEAVY_BYTES = 400_000  # a picture of more is one of photographs
_LABEL = re.compile(r"^#\|\s*label:\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class ChapterRun:
    """One executed chapter.

    `seconds` is how long the execution took, also where `cached` says that it is an earlier one.
    """

    chapter: str
    path: Path
    seconds: float
    cached: bool


@dataclass(frozen=True)
class _Job:
    """One chapter to be executed, and where its parts lie."""

    root: Path
    source: Path
    build: Path
    given: Parameters
    fingerprint: str
    connection: Any  # how its kernel is spoken to

    @property
    def chapter(self) -> str:
        return self.source.stem

    @property
    def target(self) -> Path:
        """The executed notebook."""
        return self.build / "chapters" / self.source.name

    @property
    def stamp(self) -> Path:
        return self.build / ".executed" / f"{self.chapter}.json"

    def state(self) -> dict[str, str]:
        """Hashes of what the chapter rests on and what it made, empty where a file is missing."""
        preset = str(self.given.get("preset", LIVE_PRESET))
        return {
            "fingerprint": self.fingerprint,
            "notebook": _content(self.target),
            "ledger": _content(live_path(self.root, self.chapter, preset)),
        }


class ChapterError(RuntimeError):
    """A cell of a chapter failed; the message says which one and where the notebook is kept."""

    def __init__(self, message: str, *, chapter: str, kept: Path) -> None:
        super().__init__(message)
        self.chapter = chapter
        self.kept = kept


def execute(
    root: Path,
    *,
    chapters: Sequence[str] | None = None,
    parameters: Parameters | None = None,
    build: Path | None = None,
    force: bool = False,
    progress: bool = True,
) -> list[ChapterRun]:
    """Execute chapters of the project at `root`, in order, and return one `ChapterRun` each.

    `chapters` are notebooks relative to `root` (``chapters/04-vqvae-versions.ipynb``), by default
    all that ``_quarto.yml`` lists. `parameters` replace the defaults of each notebook's parameters
    cell. Executed notebooks go to ``chapters/`` below `build` (by default ``build/``), which is
    also where their kernels work. Unless `force`, a chapter is not executed again while nothing it
    rests on has changed.

    Raises ValueError, before anything is executed, for an unknown parameter or a notebook without
    exactly one parameters cell; `ChapterError` if a cell fails.
    """
    root = root.resolve()
    build = (build or root / "build").resolve()
    listed = book_sources(root)
    if chapters is None:
        chapters = listed.notebooks
    given = {name: _plain(value) for name, value in (parameters or {}).items()}
    sources = [root / name for name in chapters]
    for source in sources:
        _check_parameters(source, given)
    runs = []
    with kernel_of_this_python(root) as connection:
        for name, source in zip(chapters, sources, strict=True):
            shown = listed.chapters if name in listed.appendices else ()
            fingerprint = chapter_fingerprint(
                root, source, given, ledgers_of=[Path(chapter).stem for chapter in shown]
            )
            job = _Job(root, source, build, given, fingerprint, connection)
            earlier = None if force else _finished(job)
            runs.append(earlier or _run(job, progress))
    return runs


def parameters_of(source: Path) -> dict[str, str]:
    """Names and default values (as Python source) of a notebook's parameters.

    Raises ValueError unless exactly one code cell is tagged ``parameters`` in its metadata.
    """
    from papermill.translators import PythonTranslator

    tagged = [cell for cell in _read(source).cells if "parameters" in _tags(cell)]
    if len(tagged) != 1 or tagged[0].cell_type != "code":
        raise ValueError(
            f"{source.name} has {len(tagged)} cells tagged parameters, wanted exactly one code "
            "cell: set the tag in the cell's metadata (`#| tags:` is not read)"
        )
    return {found.name: str(found.default) for found in PythonTranslator.inspect(tagged[0])}


def _check_parameters(source: Path, given: Parameters) -> None:
    if not source.is_file():
        raise FileNotFoundError(f"chapter {source} does not exist")
    known = parameters_of(source)
    if unknown := [name for name in given if name not in known]:
        raise ValueError(
            f"{source.stem} has no parameter {', '.join(unknown)}; "
            f"it takes {', '.join(known) or 'none'}"
        )


def _finished(job: _Job) -> ChapterRun | None:
    """The earlier execution of a chapter, if it is still good.

    The ledger counts too: if it was deleted, or written by another run since, the executed notebook
    would show numbers that the ledger does not hold.
    """
    try:
        record = json.loads(job.stamp.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    if not job.target.is_file() or any(record.get(k) != v for k, v in job.state().items()):
        return None
    return ChapterRun(job.chapter, job.target, float(record["seconds"]), cached=True)


def _run(job: _Job, progress: bool) -> ChapterRun:
    """Execute one chapter; the stamp that calls it finished is written last."""
    started = time.perf_counter()
    executed = _papermill(job, progress)
    seconds = round(time.perf_counter() - started, 2)
    _tidy(executed, job.source.relative_to(job.root).as_posix())
    write_text(job.target, nbformat.writes(executed) + "\n")
    write_json(job.stamp, {**job.state(), "seconds": seconds})
    (job.build / "failed" / job.source.name).unlink(missing_ok=True)
    return ChapterRun(job.chapter, job.target, seconds, cached=False)


def _papermill(job: _Job, progress: bool) -> Any:
    """The executed notebook; if a cell fails, it is kept and `ChapterError` raised."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    source, build = job.source, job.build
    partial = build / ".partial" / source.name
    for folder in (partial.parent, job.target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        return papermill.execute_notebook(
            str(source),
            str(partial),
            parameters=dict(job.given),
            kernel_name="python3",
            language="python",
            cwd=str(job.target.parent),
            progress_bar={"desc": source.stem, "leave": False} if progress else False,
            # what a cell prints reaches us in one piece or several, as the kernel's timing has it
            coalesce_streams=True,
            config=job.connection,
        )
    except papermill.PapermillExecutionError as error:
        kept = _keep(partial, build)
        where = _place(kept, error)
        summary = f"{error.ename}: {error.evalue}".strip()
        message = f"chapter {source.stem} failed in {where}: {summary}"
        raise ChapterError(_with_kept(message, kept), chapter=source.stem, kept=kept) from error
    except DeadKernelError as error:
        kept = _keep(partial, build)
        message = f"chapter {source.stem}: the kernel died or was stopped, perhaps out of memory"
        raise ChapterError(_with_kept(message, kept), chapter=source.stem, kept=kept) from error
    finally:
        partial.unlink(missing_ok=True)


def _keep(partial: Path, build: Path) -> Path:
    """Move what was executed so far to ``failed/`` and return its path there."""
    kept = build / "failed" / partial.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    if partial.is_file():
        partial.replace(kept)
    return kept


def _with_kept(message: str, kept: Path) -> str:
    return f"{message}\nThe notebook, executed up to there, is kept in {kept}"


def _place(kept: Path, error: Any) -> str:
    """The failed cell as an author knows it: ``cell 7 (In [5], label fig-x)``."""
    cells = [c for c in _read(kept).cells if "papermill-error-cell-tag" not in _tags(c)]
    before = cells[: error.cell_index]
    injected = sum("injected-parameters" in _tags(cell) for cell in before)
    if "injected-parameters" in _tags(cells[error.cell_index]):
        return "the parameters that were given to it"
    label = _LABEL.search(error.source)
    remark = f"In [{error.exec_count}]" + (f", label {label.group(1)}" if label else "")
    return f"cell {error.cell_index + 1 - injected} ({remark})"


def _tidy(notebook: Any, source: str) -> None:
    """Take from an executed notebook the traces of this machine: dates, durations, folders."""
    notebook.metadata["papermill"] = {
        "input_path": source,
        "parameters": notebook.metadata.get("papermill", {}).get("parameters", {}),
    }
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            if PNG in output.get("data", {}):
                _fit_for_print(output)


def _fit_for_print(output: Any) -> None:
    """Let a picture keep its size on the page, and a heavy one be light.

    As wide as the text it loses its width: then it is fitted to the page, which in print it would
    leave at so many pixels. Heavy are photographs in rows: those become JPEG if that is smaller.
    """
    from PIL import Image

    size = output.metadata.pop(PNG, {})
    if size.get("width", 0) >= TEXT_PX:
        size = {}
    kind, data = PNG, base64.b64decode(output.data.pop(PNG))
    if len(data) > HEAVY_BYTES:
        lighter = BytesIO()
        with Image.open(BytesIO(data)) as image:
            dpi = image.info.get("dpi", (96, 96))
            image.convert("RGB").save(lighter, "jpeg", quality=90, subsampling=0, dpi=dpi)
        if lighter.tell() < len(data):
            kind, data = JPEG, lighter.getvalue()
    output.data[kind] = base64.b64encode(data).decode("ascii")
    if size:
        output.metadata[kind] = size


def _read(path: Path) -> Any:
    try:
        return nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _content(path: Path) -> str:
    return digest([path]) if path.is_file() else ""


def _plain(value: Any) -> Any:
    """Paths as absolute text: the kernel works in another folder than the caller."""
    return str(value.expanduser().resolve()) if isinstance(value, Path) else value
