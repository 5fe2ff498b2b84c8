"""From pictures to answers, batch by batch; every output is there at the end, or none."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.cli.answers import Answer, Tally, Write, csv_file, json_file
from lib.cli.overlays import overlay_folder, write_overlay
from lib.cli.pictures import Order, Picture, Source, Unreadable, expected, read_pictures
from lib.data.images import Fault, told
from lib.evaluation.car_classifier import CarClassifier
from lib.files import require_disk_space
from lib.progress import tqdm

BATCH = 64
MOST_BYTES = 100_000_000  # of whole pictures kept until their batch is drawn
_ROW_BYTES = 600  # of one picture in both files together, about


@dataclass(frozen=True)
class Outputs:
    """Where answers go, beside the console."""

    csv: Path | None = None
    json: Path | None = None
    overlays: Path | None = None
    onnx: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """All that are wanted."""
        named = (self.csv, self.json, self.overlays, self.onnx)
        return [path for path in named if path is not None]


def classify_all(
    sources: list[Source],
    faults: dict[str, Fault],
    classifier: CarClassifier,
    order: Order,
    outputs: Outputs,
    *,
    skip_corrupt: bool = False,
) -> Tally:
    """Classify all pictures of `sources` and write `outputs`; memory does not grow with them.

    What cannot be read is added to `faults`, by path. Raises `ValueError` if there is any, unless
    `skip_corrupt`, or if nothing could be read; then no output is written.
    """
    tally = Tally(classifier.class_names)
    _judge(faults, skip_corrupt)
    for path in (outputs.csv, outputs.json):
        if path is not None:
            require_disk_space(path.parent, _ROW_BYTES * len(sources), path.name)
    with ExitStack() as stack:
        writers: list[Write] = [tally.add]
        if outputs.csv is not None:
            writers.append(stack.enter_context(csv_file(outputs.csv, classifier.class_names)))
        if outputs.json is not None:
            writers.append(stack.enter_context(json_file(outputs.json)))
        staged = None
        if outputs.overlays is not None:
            staged = stack.enter_context(overlay_folder(outputs.overlays))
        for batch in in_batches(_sound(sources, order, faults)):
            if faults and not skip_corrupt:
                continue  # the rest is only read, to name all that is faulty at once
            answers = answer(batch, classifier)
            for write in writers:
                for one in answers:
                    write(one)
            if staged is not None:
                _draw(staged, batch, answers, classifier, order)
        _judge(faults, skip_corrupt)
        if sources and not tally.count:
            raise ValueError(f"no picture could be read:\n{told(faults)}\nNothing was written.")
        if outputs.onnx is not None:
            _export(classifier, outputs.onnx)
    return tally


def in_batches(
    pictures: Iterable[Picture], *, most: int = BATCH, most_bytes: int = MOST_BYTES
) -> Iterator[list[Picture]]:
    """Up to `most` pictures at a time, fewer if their own pixels pass `most_bytes`."""
    batch: list[Picture] = []
    size_bytes = 0
    for picture in pictures:
        batch.append(picture)
        size_bytes += 0 if picture.whole is None else picture.whole.nbytes
        if len(batch) == most or size_bytes >= most_bytes:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def answer(batch: list[Picture], classifier: CarClassifier) -> list[Answer]:
    """What `classifier` says of each picture."""
    found = classifier.classify(np.stack([picture.shrunk for picture in batch]))
    names = classifier.class_names
    return [
        Answer(
            path=picture.source.path.as_posix(),
            frame=picture.frame,
            name=names[int(found.classes[i])],
            probabilities=dict(zip(names, found.probabilities[i].tolist(), strict=True)),
            novelty=float(found.novelty[i]),
            unknown=bool(found.unknown[i]),
            true_class=picture.source.true_class,
            seen_size=picture.seen_size,
        )
        for i, picture in enumerate(batch)
    ]


def _sound(sources: list[Source], order: Order, faults: dict[str, Fault]) -> Iterator[Picture]:
    """All pictures that can be read; the others are added to `faults`."""
    total = sum(expected(source, order) for source in sources)
    with tqdm(total=total, unit="picture", disable=total < 2, leave=False) as bar:
        for found in read_pictures(sources, order):
            bar.update()
            if isinstance(found, Unreadable):
                faults[found.source.path.as_posix()] = found.fault
            else:
                yield found


def _judge(faults: dict[str, Fault], skip_corrupt: bool) -> None:
    if faults and not skip_corrupt:
        raise ValueError(
            f"some pictures cannot be used.\n{told(faults)}\nNothing was written. Mend these, or "
            "leave them out with --skip-corrupt"
        )


def _draw(
    folder: Path,
    batch: list[Picture],
    answers: list[Answer],
    classifier: CarClassifier,
    order: Order,
) -> None:
    heat = classifier.heat(np.stack([picture.shrunk for picture in batch]))
    for picture, one, warmth in zip(batch, answers, heat, strict=True):
        write_overlay(folder, picture, one, warmth, order.crop)


def _export(classifier: CarClassifier, path: Path) -> None:
    from lib.training.export import export_onnx  # imports for seconds

    export_onnx(
        classifier.model,
        path,
        temperature=classifier.temperature,
        class_names=classifier.class_names,
    )
