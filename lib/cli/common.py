"""What the commands share: presets, the console, and errors told in one sentence."""

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text


class Preset(StrEnum):
    """Sizes of a study; the same as `lib.book.rows.PRESETS`, which takes longer to import."""

    tiny = "tiny"
    small = "small"
    full = "full"


PresetOption = Annotated[
    Preset,
    typer.Option(
        help="**tiny**: minutes on two CPU cores; **small**: about an hour; "
        "**full**: the write-up's scale, wants a GPU."
    ),
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="On an error, show Python's full traceback.")
]


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Let `command` tell expected errors in one red message and end with exit code 1.

    Expected are a user's mistakes (ValueError), the disk's and the network's (OSError), and a
    chapter or a book that fails; anything else is a defect and keeps its traceback. With ``debug``
    every error does. An interruption ends with 130, as shells have it.
    """

    @wraps(command)
    def wrapped(*args: object, **kwargs: object) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            _tell("interrupted; what was finished is kept, run the same command to go on")
            raise typer.Exit(130) from None
        except Exception as error:
            if kwargs.get("debug") or not isinstance(error, _expected()):
                raise
            _tell(str(error) or type(error).__name__)
            raise typer.Exit(1) from None

    return wrapped


def console() -> Console:
    """Where results are told; paths are neither wrapped nor coloured."""
    return Console(soft_wrap=True, highlight=False)


def shown(path: Path) -> str:
    """`path` as seen from the current folder, if it lies below, else in full."""
    path, here = path.resolve(), Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _expected() -> tuple[type[Exception], ...]:
    """Errors to be told without a traceback.

    A module that was not imported cannot have raised its error, so none is imported for this.
    """
    ours = (("lib.book.execute", "ChapterError"), ("lib.book.render", "BookError"))
    loaded = [getattr(sys.modules[module], name) for module, name in ours if module in sys.modules]
    return (ValueError, OSError, *loaded)


def _tell(message: str) -> None:
    text = Text.assemble(("Error: ", "bold red"), (message, "red"))
    Console(stderr=True, soft_wrap=True, highlight=False).print(text)
