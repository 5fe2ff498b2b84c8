"""``seeing track``: find and follow what moves in a video, with a SCALOR that the book trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lib.cli.common import DebugOption, Preset, console, reported, shown

if TYPE_CHECKING:
    from lib.cli.tracking import Tracked
    from lib.data.mot.boxes import Window
    from lib.evaluation.following import Reading
    from lib.evaluation.tracker_file import Tracker, TrackerInfo

EXAMPLES = """**Examples**

- `seeing track street.mp4 --overlay`: who is where, as a table and as a film with coloured boxes
- `seeing track frames/ --output found`: a folder of numbered frames, into found/frames.txt
- `seeing track data/plaza`: all sequences of a data set; where the truth is known, the scores, too
- `seeing track street.mp4 --window 420,0,1080 --stride 5`: one square of the frame, every 5th frame
- `seeing track MOT17 --experiment hard --study-thresholds`: another model, the study's thresholds

Results have a line for each object and frame: frame, id, left, top, width, height, confidence,
-1, -1, -1, as in MOTChallenge. Frames and pixels count from 1; pixels are those of the original
frames. An id stays with its object for the whole video; ids are 1, 2, 3 … as they appear. The
confidence is the presence that the model gives the object, up to 1.

The model has seen squares of a certain size and frames a certain time apart (it says which). It
finds best what is as large in its window, and moves as far from one frame to the next, as what it
was trained on: choose --window and --stride so.
"""
FOLDER = "scalor"
FAVOURITE = "second_multi"  # of several places, whatever their ground; the camera stands still
MAKE_ONE = f"`seeing run scalor --experiment {FAVOURITE} --preset small`"
MOST_NAMED = 20


@reported
def track(
    path: Annotated[
        Path,
        typer.Argument(
            help="A video, a folder of numbered frames or of videos, or a data set in the layout "
            "of MOTChallenge or MOTSynth.",
        ),
    ],
    *,
    model: Annotated[
        Path | None,
        typer.Option(help="Trained SCALOR (.safetensors); by default the recorded one."),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="Take the recorded model of this experiment, such as hard."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for results and overlays.")] = Path("tracks"),
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay/--no-overlay", help="Write films (mp4) with boxes in their ids' colours."
        ),
    ] = False,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,SIDE",
            help="Square of the frame to look at, in its pixels, from the upper left corner; by "
            "default the centred one, as large as fits.",
        ),
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Look at every so manieth frame; by default as in training.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Look at this many frames of each sequence at most.")
    ] = None,
    least_presence: Annotated[
        float | None,
        typer.Option(help="Followed objects count from this presence on.", show_default="0.5"),
    ] = None,
    least_alpha: Annotated[
        float | None,
        typer.Option(
            help="Boxes are drawn around pixels from this opacity on.", show_default="0.5"
        ),
    ] = None,
    masks_alone: Annotated[
        bool,
        typer.Option(
            "--masks-alone",
            help="Draw boxes around masks alone; by default also around pixels near an object "
            "whose colours the background hardly explains.",
        ),
    ] = False,
    study_thresholds: Annotated[
        bool,
        typer.Option(
            "--study-thresholds",
            help="Presence 0.7, opacity 0.03, masks alone, at borders too.",
        ),
    ] = False,
    skip_corrupt: Annotated[
        bool,
        typer.Option(
            "--skip-corrupt",
            help="Leave out frames that cannot be read, and name them; by default they are an "
            "error. Of a damaged video, the frames before the damage count.",
        ),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    debug: DebugOption = False,
) -> None:
    """Find and follow what moves in videos; nobody has told the model what an object is.

    Without --model or --experiment it is SCALOR-2 of several places, for a camera that stands
    still: it looks through the video once before, for what is behind everybody.

    Memory does not grow with the video. An interrupted run goes on with the sequence that it was
    at; a finished sequence is not tracked again while footage, model and options stay as they are.
    """
    at = None if window is None else parse_window(window)
    # wrong ones end it here
    reading = read_thresholds(
        least_presence, least_alpha, masks_alone=masks_alone, study=study_thresholds
    )
    for name, value in (("--stride", stride), ("--frames", frames)):
        if value is not None and value < 1:
            raise ValueError(f"{name} {value}: give a whole number of at least 1")
    if model is not None and experiment is not None:
        raise ValueError("--model and --experiment both name a model: give one of them")
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output {output} is a file: name a folder")
    from lib.cli.tracking import Order, find_sequences, plan, track_all
    from lib.evaluation.tracker_file import load_tracker
    from lib.files import digest
    from lib.training.device import pick_device

    chosen = model or recorded_model(experiment)
    device = pick_device(device)
    tracker = load_tracker(chosen)
    order = Order(
        output=output,
        stride=stride or tracker.info.stride,
        reading=reading,
        window=at,
        most_frames=frames,
        overlay=overlay,
        skip_corrupt=skip_corrupt,
    )
    sequences, left_out = find_sequences(path, skip_corrupt=skip_corrupt)
    targets = plan(sequences, order, tracker.model.config.image_px)
    _tell_model(chosen, tracker, order.stride)
    made_by = digest([chosen])
    done = list(track_all(targets, tracker.model.to(device), order, made_by=made_by))
    _tell(done, left_out)


def parse_window(text: str) -> "Window":
    """The window that ``X,Y,SIDE`` means. Raises `ValueError` for anything else."""
    from lib.data.mot.boxes import Window

    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 3 and all(part.isdecimal() for part in parts) and int(parts[2]):
        return Window(*(int(part) for part in parts))
    raise ValueError(
        f"--window {text}: write X,Y,SIDE in whole pixels, such as --window 420,0,1080"
    )


def read_thresholds(
    presence: float | None, alpha: float | None, *, masks_alone: bool, study: bool
) -> "Reading":
    """From where on something counts. Raises `ValueError` for values outside (0, 1), or both."""
    from lib.evaluation.following import Reading

    given = {"least_presence": presence, "least_alpha": alpha}
    named = {name: value for name, value in given.items() if value is not None}
    for name, value in named.items():
        if not 0 < value < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value:g}: give a number between 0 and 1")
    if study and named:
        raise ValueError(
            f"--study-thresholds sets --{min(named).replace('_', '-')} itself: give one of them"
        )
    if study:
        return Reading.study()
    return Reading(**named, most_ground=None) if masks_alone else Reading(**named)


def recorded_model(experiment: str | None) -> Path:
    """The recorded model of an experiment, of the largest preset; its hash is checked if listed.

    Without a name it is that of `FAVOURITE`, or else the first. Raises `FileNotFoundError` where
    there is none, `ValueError` for an experiment without one, or a file that has changed.
    """
    from lib.book.results import project_root
    from lib.evaluation.tracker_file import SUFFIX, SUMS, check_sums, read_tracker_info

    try:
        folder = project_root() / "results" / FOLDER
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}, or name a model with --model") from error
    found = {path: read_tracker_info(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not found:
        raise FileNotFoundError(
            f"there is no trained model in {shown(folder)} yet: make one with {MAKE_ONE}, and "
            "name the file that it writes with --model"
        )
    names = sorted({info.experiment for info in found.values()})
    if experiment is not None and experiment not in names:
        raise ValueError(
            f"--experiment {experiment}: there are recorded models of {', '.join(names)}; make it "
            f"with {MAKE_ONE.replace(FAVOURITE, experiment)}, or name a file with --model"
        )
    wanted = experiment or (FAVOURITE if FAVOURITE in names else names[0])
    mine = [path for path, info in found.items() if info.experiment == wanted]
    best = max(mine, key=lambda path: _rank(found[path]))
    if (folder / SUMS).is_file():
        check_sums(folder, [best.name])
    return best


def _rank(info: "TrackerInfo") -> tuple[int, int]:
    presets = [preset.value for preset in Preset]
    return presets.index(info.preset) if info.preset in presets else -1, -info.seed


def _tell_model(path: Path, tracker: "Tracker", stride: int) -> None:
    info, px = tracker.info, tracker.model.config.image_px
    seen = "the frame's shorter side" if info.window_px is None else f"{info.window_px} pixels"
    out = console()
    out.print(f"model     {escape(shown(path))}")
    out.print(
        f"          {escape(info.experiment)} at preset {escape(info.preset)}, seed {info.seed}, "
        f"commit {escape(info.commit)}; looks at {px} × {px} pixels"
    )
    out.print(
        f"          trained on squares of {seen}, every {_nth(info.stride)}frame; here every "
        f"{_nth(stride)}frame"
    )


def _nth(stride: int) -> str:
    if stride == 1:
        return ""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(stride % 10 if stride // 10 % 10 != 1 else 0, "th")
    return f"{stride}{ending} "


def _tell(done: Sequence["Tracked"], left_out: dict[str, str]) -> None:
    from lib.cli.track_scores import Row, score_table, sequence_table

    out = console()
    rows = [
        Row(one.target.sequence.name, one.frames, one.boxes, one.tracks, one.before) for one in done
    ]
    out.print(sequence_table(rows, most=MOST_NAMED))
    counts = [one.counts for one in done if one.counts is not None]
    if counts:
        out.print(score_table(counts))
        if len(counts) < len(done):
            out.print(f"scores    of {len(counts)} of {len(done)} sequences: the others lack truth")
    missed = left_out | {
        f"{one.target.sequence.name}, frame {number + 1}": reason
        for one in done
        for number, reason in one.missed.frames.items()
    }
    _tell_list("left out", [f"{place}: {reason}" for place, reason in missed.items()], "yellow")
    paths = [one.target.results for one in done]
    paths += [one.target.overlay for one in done if one.target.look.whole]
    _tell_list("written ", [shown(one) for one in paths])


def _tell_list(title: str, lines: Sequence[str], colour: str = "default") -> None:
    out = console()
    for line in lines[:MOST_NAMED]:
        out.print(f"[{colour}]{title}[/{colour}]  {escape(line)}")
    if len(lines) > MOST_NAMED:
        out.print(f"          and {len(lines) - MOST_NAMED:,} more")
