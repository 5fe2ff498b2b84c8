"""Speed of `seeing classify` on a folder of screenshots, beside two other ways to the same answers.

    python benchmarks/classify.py [--images 2000] [--rounds 3] [--json FILE]

Makes that many pictures of cars (400×150 JPEG) in a temporary folder and takes the classifier that
`seeing classify` would take. In turns: the command's own pipeline (decoding in threads, batches,
distance from the training images); PyTorch picture by picture, as one writes it first; and
onnxruntime on batches, fed by the same decoder as the pipeline. The last two give class and
probability only. The best of the rounds counts; answers are compared before.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image

from lib.cli.classify import default_classifier
from lib.cli.classifying import BATCH, Outputs, classify_all, in_batches
from lib.cli.pictures import Order, Picture, find_sources, read_pictures
from lib.environment import code_version, describe_hardware
from lib.evaluation.car_classifier import CarClassifier, load_classifier
from lib.files import write_json
from lib.training.export import export_onnx
from lib.worlds.garage.footage import GarageFootage, make_garage
from lib.worlds.garage.loadout import ROTATIONS, Variant


def ours(folder: Path, classifier: CarClassifier) -> None:
    sources, faults = find_sources([folder])
    classify_all(sources, faults, classifier, Order(classifier.image_size), Outputs())


def plain(folder: Path, classifier: CarClassifier) -> list[int]:
    rows, columns = classifier.image_size
    said = []
    with torch.inference_mode():
        for source in find_sources([folder])[0]:
            whole = Image.open(source.path).convert("RGB")
            picture = whole.resize((columns, rows), Image.Resampling.BOX)
            image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
            logits = classifier.model(image)
            said.append(int(torch.softmax(logits / classifier.temperature, 1).argmax()))
    return said


def with_onnx(folder: Path, classifier: CarClassifier, file: Path) -> list[int]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    sources, _ = find_sources([folder])
    read = read_pictures(sources, Order(classifier.image_size))
    said: list[int] = []
    for batch in in_batches((one for one in read if isinstance(one, Picture)), most=BATCH):
        pixels = np.stack([one.shrunk for one in batch])
        said += session.run(["probabilities"], {"pixels": pixels})[0].argmax(1).tolist()
    return said


def measure(folder: Path, images: int, rounds: int) -> dict[str, float]:
    """Pictures per second of each way, the best of the rounds."""
    pictures, file = folder / "cars", folder / "cars.onnx"
    footage = GarageFootage(Variant.HARD, loadouts=-(-images // ROTATIONS), supersample=1)
    make_garage(pictures, footage)
    count = footage.loadouts * ROTATIONS
    classifier = load_classifier(default_classifier())
    export_onnx(classifier.model, file, temperature=classifier.temperature)
    agree = np.mean(np.array(plain(pictures, classifier)) == with_onnx(pictures, classifier, file))
    print(f"{count:,} pictures; plain and onnxruntime agree on {100 * agree:.2f} %")
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(pictures, classifier),
        "plain": lambda: plain(pictures, classifier),
        "onnxruntime": lambda: with_onnx(pictures, classifier, file),
    }
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            best[name] = max(best[name], count / (time.perf_counter() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2_000, help="pictures (default 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    if given.images < 10 or given.rounds < 1:
        parser.error("--images must be 10 or more, --rounds 1 or more")
    with tempfile.TemporaryDirectory() as folder:
        best = measure(Path(folder), given.images, given.rounds)
    for name, speed in best.items():
        print(f"{name:12} {speed:8.0f} pictures/s  {speed / best['plain']:5.2f} x plain")
    common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
    rows = [
        {"id": f"speed.classify.{name}.images_per_second", "value": speed, **common}
        for name, speed in best.items()
    ]
    peer = max(best["plain"], best["onnxruntime"])
    rows.append({"id": "speed.classify.ratio", "value": best["ours"] / peer, **common})
    if given.json:
        write_json(given.json, rows)


if __name__ == "__main__":
    main()
