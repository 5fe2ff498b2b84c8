"""What an executed chapter rests on, hashed: if any of it changes, it is executed again."""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from lib.environment import package_versions
from lib.files import digest
from lib.sources import all_modules, imports_of, with_imports


def chapter_fingerprint(
    root: Path, source: Path, parameters: Mapping[str, Any], *, ledgers_of: Sequence[str] = ()
) -> str:
    """Hash of everything that the executed chapter `source` depends on.

    That is: its cells (not their outputs), its parameters, the footage in ``data_dir``, the modules
    it imports with all that these import, the library's assets, the claims, Python and the
    packages, and its recorded results, those of its study (``results/scalor``) included. An
    appendix may show numbers of every chapter: it rests on all recorded results, and on the live
    ledgers of `ledgers_of`, the chapters before it.
    """
    files = [*_library(root, source), root / "claims.toml"]
    if ledgers_of:
        files += _tree(root / "results")
    else:
        for name in _recorded(source.stem):
            files += _tree(root / "results" / name)
    for chapter in ledgers_of:
        files += _tree(root / "runs" / "ledger" / chapter)
    parts: list[str | Path] = [
        json.dumps(_cells(source)),
        json.dumps(dict(parameters), sort_keys=True, default=str),
        json.dumps([platform.python_version(), package_versions()]),
        *_footage(parameters.get("data_dir")),
    ]
    for path in files:
        if path.is_file():
            parts += [path.relative_to(root).as_posix(), path]
    return digest(parts)


def _recorded(stem: str) -> list[str]:
    """Folders of a chapter's recordings: ``03-scalor-motsynth`` and, of its study, ``scalor``."""
    study = stem.lstrip("0123456789").removeprefix("-").partition("-")[0]
    return [stem] if study in ("", stem) else [stem, study]


def _cells(source: Path) -> list[tuple[str, str, list[str]]]:
    cells = nbformat.read(source, as_version=4).cells
    return [(c.cell_type, c.source, list(c.metadata.get("tags", []))) for c in cells]


def _library(root: Path, source: Path) -> list[Path]:
    """Files of the library, without the modules that the chapter `source` does not rest on."""
    code = "\n".join(text for kind, text, _ in _cells(source) if kind == "code")
    needless = all_modules() - set(with_imports(imports_of(code)))
    files = _tree(root / "lib")
    return [path for path in files if _module(path.relative_to(root)) not in needless]


def _module(path: Path) -> str:
    """Name of the module in a file ``lib/…``; of other files, no module's."""
    parts = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
    return ".".join(parts) if path.suffix == ".py" else path.as_posix()


def _tree(folder: Path) -> list[Path]:
    """Files below `folder`, sorted; none of Python's caches, none that are still being written."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def _footage(folder: object) -> Iterator[str]:
    """Names, sizes and times of change of a video, or of the files in a folder.

    Contents would take too long.
    """
    if not isinstance(folder, str) or not Path(folder).exists():
        return
    if Path(folder).is_file():
        status = Path(folder).stat()
        yield f"{Path(folder).name} {status.st_size} {status.st_mtime_ns}"
        return
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            status = (Path(parent) / name).stat()
            relative = os.path.relpath(os.path.join(parent, name), folder)  # noqa: PTH118
            yield f"{relative} {status.st_size} {status.st_mtime_ns}"
