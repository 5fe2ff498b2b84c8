"""``seeing classify``: say which car is in pictures, with a classifier that the book trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lib.cli.common import DebugOption, Preset, console, reported, shown

if TYPE_CHECKING:
    from lib.cli.answers import Tally
    from lib.cli.classifying import Outputs
    from lib.cli.pictures import Source
    from lib.data.images import Fault
    from lib.evaluation.car_classifier import CarClassifier

EXAMPLES = """**Examples**

- `seeing classify screenshot.png`: which car is it, how surely, or is it none it knows?
- `seeing classify shots/ --csv cars.csv`: all pictures of a folder, as a table
- `seeing classify match.mp4 --fps 5 --crop 56,40,400,150 --json cars.json`: five frames a second
- `seeing classify data/cars`: a Sideswipe data set, whose true classes are known: accuracy, too
- `seeing classify shots/ --overlays heat/`: what in each picture spoke for its class
- `seeing classify --onnx cars.onnx`: the network for programs without PyTorch

The networks of the study learned from screenshots of 400 × 150 pixels with the car in the middle,
as wide as 8 is to 3, shrunk to 100 × 50. Larger or smaller ones of that shape do as well. A
picture of another shape is squeezed into it, and a car beside the middle or much smaller is nothing
the network has seen: the answer may then be wrong however probable it is. Cut such pictures with
--crop.
"""
MOST_NAMED = 20  # faulty pictures of a kind
CHAPTER = "02-sideswipe-classification"


@reported
def classify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Pictures (JPEG, PNG, WebP), videos, folders of these (with the folders in them), "
            "or Sideswipe data sets.",
        ),
    ] = None,
    *,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Classifier (.npz); by default the one of the largest recorded run of chapter 2, "
            "else the one that chapter made here."
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a table: a line for each picture.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write a list of objects, one a picture.")
    ] = None,
    overlays: Annotated[
        Path | None,
        typer.Option(
            help="Folder for copies of the pictures (PNG) with what spoke for the class in warm "
            "colours (Grad-CAM), class, probability and flag."
        ),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(
            help="Write the network as ONNX, too: pixels of 100 × 50 in, calibrated probabilities "
            "out."
        ),
    ] = None,
    fps: Annotated[
        float, typer.Option(help="Of videos: frames a second, to the nearest whole step.")
    ] = 2.0,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,WIDTH,HEIGHT",
            help="Part of each picture to look at, in its pixels, from the upper left corner; by "
            "default all of it. The study's is 400 × 150, the car in the middle.",
        ),
    ] = None,
    skip_corrupt: Annotated[
        bool,
        typer.Option(
            "--skip-corrupt",
            help="Leave out pictures that cannot be read, and name them; by default they are an "
            "error. Of a damaged video, the frames before the damage count.",
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Say which car is in each picture, how probable that is, and whether it is a car never seen.

    Probabilities are calibrated: of the answers given with 90 %, about 90 % are right, for pictures
    like those it was trained on. A car is *unknown* if it is further from the cars of training than
    nearly all known ones are (95 % of them, unless the chapter chose another share); its class is
    then the one it resembles most.
    """
    _check_options(paths, {".csv": csv, ".json": json, ".onnx": onnx}, fps)
    from lib.cli.classifying import Outputs, classify_all
    from lib.cli.pictures import Crop, Order, find_sources
    from lib.evaluation.car_classifier import load_classifier

    outputs = Outputs(csv=csv, json=json, overlays=overlays, onnx=onnx)
    cut = None if crop is None else Crop.parse(crop)
    path = model or default_classifier()
    classifier = load_classifier(path)
    sources, faults = find_sources(paths or [])
    _require_apart(overlays, paths or [])
    _require_names(overlays, sources)
    order = Order(classifier.image_size, cut, fps, whole=overlays is not None)
    _tell_classifier(path, classifier)
    tally = classify_all(sources, faults, classifier, order, outputs, skip_corrupt=skip_corrupt)
    _tell_answers(tally, faults)
    _tell_outputs(outputs, classifier)


def default_classifier() -> Path:
    """The classifier of the largest recorded preset, else of the largest that was run here."""
    from lib.book.results import project_root
    from lib.evaluation.car_classifier import BUNDLE

    try:
        root = project_root()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}, or name a classifier with --model") from error
    presets = [preset.value for preset in reversed(Preset)]
    places = [
        *(root / "results" / CHAPTER / preset for preset in presets),
        *(root / "runs" / "ledger" / CHAPTER / f"{preset}-files" for preset in presets),
    ]
    for place in places:
        if (place / BUNDLE).is_file():
            return place / BUNDLE
    raise FileNotFoundError(
        "there is no trained classifier yet: make one with `seeing run 2`, or name one with --model"
    )


def _check_options(paths: list[Path] | None, files: dict[str, Path | None], fps: float) -> None:
    if not paths and files[".onnx"] is None:
        raise ValueError(
            "no PATH: name pictures, videos or folders of them, or give --onnx to export only"
        )
    if not paths and any(files[kind] for kind in (".csv", ".json")):
        raise ValueError(
            "no PATH, so there is nothing to write with --csv or --json: name pictures"
        )
    for suffix, path in files.items():
        if path is not None and path.suffix.lower() != suffix:
            raise ValueError(f"--{suffix[1:]} {path}: give a name that ends in {suffix}")
        if path is not None and path.is_dir():
            raise ValueError(f"--{suffix[1:]} {path} is a folder: name a file")
    if not fps > 0:
        raise ValueError(f"--fps {fps:g}: give a number above 0")


def _require_apart(overlays: Path | None, paths: list[Path]) -> None:
    """Overlays among the pictures would be classified the next time."""
    if overlays is None:
        return
    if overlays.is_file():
        raise ValueError(f"--overlays {overlays} is a file: name a folder")
    for path in paths:
        if path.is_dir() and overlays.resolve().is_relative_to(path.resolve()):
            raise ValueError(
                f"--overlays {overlays} lies in {path}, where the next look would take them for "
                "pictures: name a folder elsewhere"
            )


def _require_names(overlays: Path | None, sources: "list[Source]") -> None:
    """Each overlay is called as its picture is below the PATH it was found in."""
    seen: dict[str, Source] = {}
    for source in sources if overlays is not None else []:
        other = seen.setdefault(source.name, source)
        if other is not source:
            raise ValueError(
                f"--overlays: {other.path} and {source.path} would both become {source.name}.png; "
                "classify them one after the other, into two folders"
            )


def _tell_classifier(path: Path, classifier: "CarClassifier") -> None:
    origin, shape = classifier.origin, classifier.model.shape
    data = f" on {escape(origin.data)}" if origin.data else ""
    out = console()
    out.print(f"classifier  {escape(shown(path))}")
    out.print(
        f"            {shape.parameters:,} parameters, trained{data} at preset {origin.preset}, "
        f"commit {origin.commit}; accepts {100 * classifier.accepted:g} % of known cars"
    )


def _tell_answers(tally: "Tally", faults: "dict[str, Fault]") -> None:
    from rich.text import Text

    from lib.data.images import told

    out = console()
    if tally.count:
        out.print(tally.table())
    for line in tally.truths():
        out.print(line)
    if tally.other_shape:
        out.print(
            f"[yellow]shape[/yellow]     {tally.other_shape:,} of {tally.count:,} pictures are not "
            "as wide as 8 is to 3, as the study's are: their answers may be wrong (see --crop)"
        )
    if faults:
        out.print(Text.assemble(("left out  ", "yellow"), told(faults, most=MOST_NAMED)))


def _tell_outputs(outputs: "Outputs", classifier: "CarClassifier") -> None:
    out = console()
    for path in outputs.paths:
        out.print(f"written   {escape(shown(path))}")
    if outputs.onnx is not None:
        out.print(f"          probabilities are of {', '.join(classifier.class_names)}, in order")
