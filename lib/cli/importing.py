"""``seeing footage import``: a playthrough of one's own into a frame store."""

import re
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from lib.cli.common import DebugOption, console, reported, shown

EXAMPLES = """**Examples**

- `seeing footage import doom.mp4`: into data/doom, 10 frames a second at 144×256
- `seeing footage import doom.mkv data/run --fps 5 --size 72x128`: an eighth of that
- `seeing footage import frames data/run`: a folder of frames in time order, at 10 a second
- `seeing run doom --data-dir data/run`: the chapter, on this playthrough
"""


@reported
def import_footage(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of frames in time order.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Where the frames go; by default data/ and its name.")
    ] = None,
    *,
    fps: Annotated[
        float,
        typer.Option(help="Frames to keep of a second, by time stamps; those of a folder all are."),
    ] = 10.0,
    size: Annotated[
        str, typer.Option(help="Rows x columns of the frames, in the shape of the video's.")
    ] = "144x256",
    skip_corrupt: Annotated[
        bool, typer.Option("--skip-corrupt", help="Leave out what is damaged, and say what.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Turn a playthrough into frames to learn from: any length, any frame rate, bounded memory.

    An interrupted import goes on where it stopped. 12 hours of 1920×1080 take 47.8 GB and, on two
    cores, about an hour.
    """
    rows_columns = _parsed(size)
    from lib.data.frames import STORE
    from lib.data.playthrough import estimated_bytes, read_playthrough

    if (video / STORE).is_file():
        raise ValueError(f"{shown(video)} is imported already: give it to a chapter as --data-dir")
    folder = Path("data") / video.stem if folder is None else folder
    corrupt: Literal["error", "skip"] = "skip" if skip_corrupt else "error"
    out = console()
    most = estimated_bytes(video, size=rows_columns, fps=fps, corrupt=corrupt)
    out.print(f"at most {most / 1e9:,.2f} GB in {shown(folder)}")
    begin = time.monotonic()
    found = read_playthrough(video, folder, size=rows_columns, fps=fps, corrupt=corrupt)
    seconds, store = time.monotonic() - begin, found.store
    out.print(
        f"[green]{len(store):,} frames[/green] of {store.size[0]}×{store.size[1]}, "
        f"{store.frames.nbytes / 1e9:,.2f} GB, {seconds:,.1f} s"
    )
    for place, reason in store.skipped.items():
        out.print(f"[yellow]left out[/yellow] {place}: {reason}")
    out.print(f"  in        {shown(folder)}")
    out.print(f"  look      seeing footage info {shown(folder)}")


def _parsed(size: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", size.strip())
    if match is None or 0 in (int(match[1]), int(match[2])):
        raise ValueError(f"--size {size}: write rows x columns, such as 144x256")
    return int(match[1]), int(match[2])
