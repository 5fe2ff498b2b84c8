"""``seeing run``: execute one chapter, on other footage or at another size if wanted."""

import ast
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from lib.cli.common import DebugOption, Preset, PresetOption, console, reported, shown
from lib.cli.experiment import run_experiment

EXAMPLES = """**Examples**

- `seeing run 4`: chapter 4 as the book has it
- `seeing run vqvae --data-dir my-data`: the same on your own recordings
- `seeing run doom --data-dir playthrough.mp4`: on any video of a game
- `seeing run 04-vqvae-versions --preset small --record`: an hour's run, its numbers kept
- `seeing run scalor --experiment gradient --preset small`: one training of chapter 3, with scores
- `seeing run scalor --experiment adapt --data-dir street.mp4`: fit its tracker to your own video
- `seeing run 4 --seed 1 -p training_share=0.1`: another seed, and a parameter of that chapter
"""


@reported
def run(
    chapter: Annotated[
        str, typer.Argument(help="Number (4), name (04-vqvae-versions) or study (vqvae).")
    ],
    *,
    preset: PresetOption = Preset.tiny,
    seed: Annotated[int | None, typer.Option(help="Seed; by default the chapter's own.")] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or mps; by default the chapter's own.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of footage, or a video; by default made on the spot."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="One more; may be repeated."),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of the SCALOR chapter: train and judge this one alone; **adapt** trains its "
            "SCALOR-2 further on your videos, which need no labels.",
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the numbers in results/, to be reviewed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Execute even if nothing changed since the last time.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Execute one chapter and say where its notebook and its numbers are.

    The executed notebook goes to build/chapters/, or to build/PRESET/chapters/ for presets other
    than tiny. Nothing is computed again while the notebook, the library and the parameters stay as
    they are.
    """
    from lib.book.execute import execute
    from lib.book.results import live_path, project_root, promote

    root = project_root()
    given: dict[str, Any] = {"preset": preset.value}
    given |= {"seed": seed} if seed is not None else {}
    given |= {"device": device} if device is not None else {}
    given |= {"data_dir": _footage(data_dir)} if data_dir is not None else {}
    given |= dict(_parameter(text) for text in parameter or [])
    if experiment is not None:
        if record:
            raise ValueError("--record keeps a whole chapter's numbers: leave --experiment out")
        run_experiment(chapter, experiment, given, force=force)
        return
    source = find_chapter(root, chapter)
    build = root / "build" if preset is Preset.tiny else root / "build" / preset.value
    name = source.relative_to(root).as_posix()
    [done] = execute(root, chapters=[name], parameters=given, build=build, force=force)
    how = "unchanged, executed earlier in" if done.cached else "executed in"
    out = console()
    out.print(f"[green]{done.chapter}[/green] {how} {done.seconds:.1f} s")
    out.print(f"  notebook  {shown(done.path)}")
    ledger = live_path(root, done.chapter, str(given["preset"]))
    out.print(f"  numbers   {shown(ledger) if ledger.is_file() else 'none were recorded'}")
    if record:
        kept = promote(done.chapter, str(given["preset"]), root=root, seconds=done.seconds)
        out.print(f"  recorded  {shown(kept)}")


def find_chapter(root: Path, name: str) -> Path:
    """The notebook that `name` means: its number, its stem, or its stem without the number.

    The part of the stem before its next hyphen, the study, is enough. Raises ValueError listing the
    chapters if there is none or more than one such.
    """
    notebooks = sorted((root / "chapters").glob("*.ipynb"))
    wanted = Path(name).name.removesuffix(".ipynb").lower()
    exact = [path for path in notebooks if path.stem.lower() == wanted]
    loose = [path for path in notebooks if wanted in _names(path.stem.lower())]
    found = exact or loose
    if len(found) == 1:
        return found[0]
    problem = "is ambiguous" if found else "is unknown"
    listing = ", ".join(path.stem for path in found or notebooks) or "none yet"
    raise ValueError(f"chapter {name!r} {problem}; choose one of: {listing}")


def _names(stem: str) -> set[str]:
    """The ways to say a chapter: ``04-vqvae-versions`` is 4, 04, vqvae-versions and vqvae."""
    number, plain = re.fullmatch(r"(?:(\d+)-)?(.*)", stem).groups()  # type: ignore[union-attr]
    names = {plain, plain.split("-")[0]}
    return names | {number, str(int(number))} if number else names


def _footage(path: Path) -> Path:
    """A folder of footage, or a video: which of them suits, the chapter knows."""
    found = path.expanduser()
    if not found.exists():
        raise ValueError(
            f"--data-dir {path} does not exist: name a folder of recordings (or a video, for the "
            "Doom chapter), or make some with `seeing footage make blocks FOLDER`"
        )
    return found


def _parameter(text: str) -> tuple[str, Any]:
    """Name and value of ``name=value``; what is no Python literal is text."""
    name, sign, value = text.partition("=")
    if not (sign and name.isidentifier()):
        raise ValueError(f"parameter {text!r}: write name=value, such as -p steps=200")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
