"""Staging: the book's configuration, prose and pictures, copied to where chapters are executed."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lib.files import atomic_path, write_json

_MANIFEST = ".staged.json"


@dataclass(frozen=True)
class Sources:
    """What ``_quarto.yml`` lists, in its order: paths relative to the project."""

    chapters: tuple[str, ...]
    appendices: tuple[str, ...]

    @property
    def notebooks(self) -> list[str]:
        """Those to be executed: chapters, then appendices."""
        return [name for name in (*self.chapters, *self.appendices) if name.endswith(".ipynb")]


def book_sources(root: Path) -> Sources:
    """The chapters and appendices of the book at `root`.

    Raises ValueError if ``_quarto.yml`` is malformed or names a chapter that does not exist.
    """
    book = _configuration(root).get("book", {})
    chapters = tuple(_entries(book.get("chapters")))
    appendices = tuple(_entries(book.get("appendices")))
    sources = (*chapters, *appendices)
    if not sources:
        raise ValueError("_quarto.yml lists no chapters: name them under book, chapters")
    if missing := [source for source in sources if not (root / source).is_file()]:
        raise ValueError(
            f"_quarto.yml lists {', '.join(missing)}, which does not exist below {root}: "
            "correct the name or write the chapter"
        )
    return Sources(chapters, appendices)


def stage(root: Path, build: Path) -> list[Path]:
    """Copy what rendering needs to `build`, changed files only; return the paths written.

    That is ``_quarto.yml``, the prose (``*.qmd``, ``chapters/*.qmd``), its pictures (``figures/``)
    and what ``_quarto.yml`` names (bibliography, favicon, resources). Notebooks are not copied:
    `execute` puts the executed ones in their place. Files staged earlier whose source is gone are
    removed, and so are executed notebooks without a source; what chapters wrote themselves stays.
    """
    wanted = {path.relative_to(root).as_posix(): path for path in _files(root)}
    manifest = build / _MANIFEST
    before = json.loads(manifest.read_text()) if manifest.is_file() else []
    for name in set(before) - set(wanted):
        (build / name).unlink(missing_ok=True)
    for notebook in (build / "chapters").glob("*.ipynb"):
        if not (root / "chapters" / notebook.name).is_file():
            notebook.unlink()
    written = []
    for name, source in sorted(wanted.items()):
        target = build / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        written.append(target)
    write_json(manifest, sorted(wanted))
    return written


def _configuration(root: Path) -> dict[str, Any]:
    path = root / "_quarto.yml"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: it lists the chapters of the book")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"_quarto.yml is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("_quarto.yml is empty or no mapping: give it project, book and format")
    return content


def _entries(items: Any) -> Iterator[str]:
    """Paths in a list of chapters, parts included."""
    for item in items or []:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            part = item.get("part")
            if isinstance(part, str) and Path(part).suffix in (".qmd", ".md", ".ipynb"):
                yield part
            yield from _entries(item.get("chapters"))
            if file := item.get("href") or item.get("file"):
                yield str(file)


def _files(root: Path) -> set[Path]:
    """Every file to be staged."""
    configuration = _configuration(root)
    found = {root / "_quarto.yml", *root.glob("*.qmd"), *(root / "chapters").glob("*.qmd")}
    found |= {path for path in (root / "figures").rglob("*") if path.is_file()}
    output = str(configuration.get("project", {}).get("output-dir", "_book"))
    for text in _strings(configuration):
        if text.strip() in ("", ".", output) or Path(text).is_absolute() or ".." in text:
            continue
        for path in _matches(root, text):
            found |= {path} if path.is_file() else {p for p in path.rglob("*") if p.is_file()}
    return {path for path in found if path.suffix != ".ipynb"}


def _matches(root: Path, text: str) -> list[Path]:
    """What a string of the configuration names: a path, a pattern of paths, or nothing at all."""
    if "*" in text:
        try:
            return sorted(root.glob(text))
        except (ValueError, NotImplementedError):
            return []
    if len(text) > 200 or "\n" in text:
        return []
    path = root / text
    return [path] if path.exists() else []


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
