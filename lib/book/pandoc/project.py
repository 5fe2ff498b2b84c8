"""Reading ``_quarto.yml``: the one list of chapters and settings that both renderers obey."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from lib.book.pandoc.faults import BookError


@dataclass(frozen=True)
class Chapter:
    """One page of the book.

    Attributes:
        source: Path of the notebook or prose, relative to the project, with forward slashes.
        kind: Chapters count 1, 2, 3; appendices A, B, C.
        part: Title of the part that the chapter stands in, or None.
    """

    source: str
    kind: Literal["chapter", "appendix"] = "chapter"
    part: str | None = None

    @property
    def page(self) -> str:
        """Path of the web page, relative to the site (``chapters/01-doom.html``)."""
        return self.beside(".html")

    @property
    def is_notebook(self) -> bool:
        """Whether the source is a notebook, which readers may download."""
        return self.source.endswith(".ipynb")

    def beside(self, suffix: str) -> str:
        """The source's path with another suffix (``.pdf``)."""
        return PurePosixPath(self.source).with_suffix(suffix).as_posix()


@dataclass(frozen=True)
class Book:
    """A book project, as ``_quarto.yml`` describes it. Paths are relative to `root`."""

    root: Path
    title: str
    chapters: tuple[Chapter, ...]
    subtitle: str = ""
    author: str = ""
    date: str = ""
    description: str = ""
    lang: str = "en"
    bibliography: tuple[str, ...] = ()
    csl: str | None = None
    site_url: str | None = None
    repo_url: str | None = None
    favicon: str | None = None
    image: str | None = None
    footer: str = ""
    pdf_name: str = "book.pdf"
    output_dir: str = "_book"
    code_fold: str = "false"  # true, false or show
    code_summary: str = "Code"
    toc: bool = True
    toc_depth: int = 3
    number_sections: bool = True
    number_depth: int = 3
    papersize: str = "a4"
    resources: tuple[str, ...] = ()  # patterns of files published with the site
    pdf: bool = True  # whether the site offers the PDF


def entries(items: list[Any] | None, kind: str, part: str | None = None) -> Iterator[Chapter]:
    """Flatten ``book.chapters``: strings, ``{file: …}`` and ``{part: …, chapters: …}``."""
    for item in items or []:
        if isinstance(item, str):
            yield Chapter(item, "appendix" if kind == "appendix" else "chapter", part)
        elif "part" in item:
            yield from entries(item.get("chapters"), kind, str(item["part"]))
        else:
            source = str(item.get("file") or item.get("href"))
            yield Chapter(source, "appendix" if kind == "appendix" else "chapter", part)


def names(value: Any) -> str:
    """Authors as one line: strings, ``{name: …}`` or a list of either."""
    if isinstance(value, list):
        return ", ".join(names(one) for one in value)
    if isinstance(value, dict):
        name = value.get("name", "")
        return names(name) if not isinstance(name, dict) else str(name.get("literal", ""))
    return "" if value is None else str(value)


def strings(value: Any) -> tuple[str, ...]:
    """One string, a list of them or nothing, as a tuple."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def footer_text(value: Any) -> str:
    """The page footer as one line of Markdown, from Quarto's string or left, center, right."""
    if isinstance(value, dict):
        return " · ".join(
            str(value[side])
            for side in ("left", "center", "right")
            if isinstance(value.get(side), str)
        )
    return "" if value is None or isinstance(value, bool) else str(value)


def pdf_name(title: str, output_file: str | None) -> str:
    """The PDF's file name, made as Quarto makes it: the title with dashes for spaces."""
    stem = output_file or re.sub(r"[^\w.]+", "-", title).strip("-")
    return f"{stem or 'book'}.pdf"


def read_project(root: Path) -> Book:
    """Read ``_quarto.yml`` in `root`.

    Raises:
        BookError: if the file is missing or not YAML, has no title or chapters, or names a
            chapter, bibliography or style that does not exist.
    """
    file = root / "_quarto.yml"
    if not file.is_file():
        raise BookError(f"no _quarto.yml in {root}; name the folder that holds the staged book")
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BookError(f"_quarto.yml is not YAML: {error}") from error
    book = (settings or {}).get("book") or {}
    if not book.get("title") or not book.get("chapters"):
        raise BookError("_quarto.yml wants book.title and book.chapters")
    project = read_settings(root, settings, book)
    needed = [c.source for c in project.chapters] + list(project.bibliography)
    needed += [project.csl] if project.csl else []
    missing = [name for name in needed if not (root / name).is_file()]
    if missing:
        raise BookError(f"_quarto.yml names files that do not exist: {', '.join(missing)}")
    return project


def read_settings(root: Path, settings: dict[str, Any], book: dict[str, Any]) -> Book:
    """The settings the second renderer knows, with Quarto's own defaults."""
    formats = settings.get("format") or {}
    html, typst = (
        formats[name] if isinstance(formats, dict) and isinstance(formats.get(name), dict) else {}
        for name in ("html", "typst")
    )
    both = {**settings, **html}
    fold = both.get("code-fold", False)
    chapters = (*entries(book["chapters"], "chapter"),)
    appendices = (*entries(book.get("appendices"), "appendix", "Appendices"),)
    return Book(
        root=root,
        title=str(book["title"]),
        chapters=chapters + appendices,
        subtitle=str(book.get("subtitle") or ""),
        author=names(book.get("author")),
        date=str(book.get("date") or ""),
        description=" ".join(str(book.get("description") or "").split()),
        lang=str(both.get("lang", "en")),
        bibliography=strings(settings.get("bibliography") or book.get("bibliography")),
        csl=settings.get("csl"),
        site_url=book.get("site-url"),
        repo_url=book.get("repo-url"),
        favicon=book.get("favicon"),
        image=book.get("image") or book.get("cover-image"),
        footer=footer_text(book.get("page-footer")),
        pdf_name=pdf_name(str(book["title"]), book.get("output-file")),
        output_dir=str((settings.get("project") or {}).get("output-dir", "_book")),
        code_fold=str(fold).lower(),
        code_summary=str(both.get("code-summary", "Code")),
        toc=bool(both.get("toc", True)),
        toc_depth=int(both.get("toc-depth", 3)),
        number_sections=bool(both.get("number-sections", True)),
        number_depth=int(both.get("number-depth", 3)),
        papersize=str(typst.get("papersize", both.get("papersize", "a4"))),
        resources=strings((settings.get("project") or {}).get("resources")),
        pdf="pdf" in strings(book.get("downloads")),
    )
