"""A trained car classifier to use: its network, a temperature, a score for unknown cars; one file.

The file is a plain ``.npz`` without pickled objects, so reading one never runs code. Its score for
unknown cars is that of `lib.evaluation.map_distance` with a sample of the training images' maps,
small enough to travel with the network; the limit is fitted with that very sample.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int, Int64, UInt8

from lib.evaluation.attention import heat_maps
from lib.evaluation.classification import predict, probabilities
from lib.evaluation.map_distance import MapGallery, Reading, block_ends, fit_gallery
from lib.evaluation.novelty import known_limit
from lib.files import atomic_path
from lib.models.classifier import Classifier, ClassifierShape

BUNDLE = "classifier.npz"
"""What the file is called wherever the book keeps one."""
MOST_GALLERY = 8_000
BATCH = 128  # images through the network at once: 80 MB of the write-up's first map
_FORMAT = 2
_WEIGHT = "weight."


@dataclass(frozen=True)
class Answers:
    """What a classifier says of n images."""

    classes: Int64[np.ndarray, " n"]  # the most probable one
    probabilities: Float64[np.ndarray, "n c"]  # calibrated; rows sum to 1
    novelty: Float64[np.ndarray, " n"]  # distance of maps, 0 to 2; the higher, the newer
    unknown: Bool[np.ndarray, " n"]  # novelty above the limit: `classes` is then a guess


@dataclass(frozen=True)
class Origin:
    """Where a classifier was trained."""

    preset: str
    commit: str
    data: str = ""  # in words


@dataclass(frozen=True, eq=False)
class CarClassifier:
    """A network with all that its answers need; see `build_classifier`."""

    model: Classifier
    class_names: tuple[str, ...]
    temperature: float  # logits are divided by it
    gallery: MapGallery  # of training images; novelty is the distance from it
    limit: float  # novelty above which a car is unknown
    accepted: float  # share of validation images of known cars up to the limit
    origin: Origin

    def __post_init__(self) -> None:
        shape = self.model.shape
        if len(self.class_names) != shape.classes or len(set(self.class_names)) != shape.classes:
            raise ValueError(
                f"class_names is {', '.join(self.class_names)}; the network has {shape.classes} "
                "classes: give each a name of its own"
            )
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature is {self.temperature}; give a positive number")
        if self.gallery.reading.block > len(block_ends(self.model)):
            raise ValueError(
                f"gallery reads block {self.gallery.reading.block}, the network has blocks 1 to "
                f"{len(block_ends(self.model))}"
            )

    @property
    def image_size(self) -> tuple[int, int]:
        """Rows and columns of the images it takes."""
        return self.model.shape.image_size

    def classify(self, images: UInt8[np.ndarray, "n h w 3"]) -> Answers:
        """Answers for RGB images of `image_size`, at most `BATCH` of them in the network at once.

        Raises `ValueError` for no images or images of another size.
        """
        self._check(images)
        block = self.gallery.reading.block
        said = predict(
            self.model, _Held(images), np.arange(len(images)), batch=BATCH, blocks=[block]
        )
        novelty = self.gallery(said.maps[block])
        return Answers(
            # of the logits: a high temperature could round two probabilities to the same number
            classes=said.logits.argmax(1).astype(np.int64),
            probabilities=probabilities(said.logits, temperature=self.temperature),
            novelty=novelty,
            unknown=novelty > self.limit,
        )

    def heat(
        self, images: UInt8[np.ndarray, "n h w 3"], classes: Int[np.ndarray, " n"] | None = None
    ) -> Float32[np.ndarray, "n h w"]:
        """Grad-CAM maps in [0, 1] of what speaks for `classes`, by default the one it says."""
        self._check(images)
        return heat_maps(self.model, torch.from_numpy(_scaled(images)), classes)

    def _check(self, images: UInt8[np.ndarray, "n h w 3"]) -> None:
        if not len(images):
            raise ValueError("images is empty; give at least one")
        if images.shape[1:3] != self.image_size:
            raise ValueError(
                f"images are {images.shape[1]} x {images.shape[2]} pixels (rows x columns), this "
                f"classifier takes {self.image_size[0]} x {self.image_size[1]}; shrink them first"
            )


def build_classifier(
    model: Classifier,
    class_names: Sequence[str],
    train: Float32[np.ndarray, "n f"],
    known: Float32[np.ndarray, "v f"],
    *,
    reading: Reading,
    temperature: float,
    origin: Origin,
    accepted: float = 0.95,
    seed: int = 0,
) -> CarClassifier:
    """`model` with what its answers need, from maps of ``reading.block`` that `predict` gave.

    `train` has the maps of training images; at most `MOST_GALLERY` drawn with `seed` become the
    gallery. `known` has those of validation images of known cars, of which the limit accepts a
    share of `accepted`.
    """
    if not len(train) or not len(known):
        raise ValueError(
            f"train has {len(train)} rows and known {len(known)}; give maps of at least one image "
            "each"
        )
    gallery = fit_gallery(train, reading, most=MOST_GALLERY, seed=seed)
    return CarClassifier(
        model=model,
        class_names=tuple(class_names),
        temperature=temperature,
        gallery=gallery,
        limit=known_limit(gallery(known), accepted=accepted),
        accepted=accepted,
        origin=origin,
    )


def save_classifier(path: Path, classifier: CarClassifier) -> None:
    """Write `classifier` to `path`, atomically; the same classifier gives the same bytes.

    About 1 MB of gallery at most, 256 bytes for each number of a map, and 4 for each parameter.
    """
    about = {
        "format": _FORMAT,
        "shape": asdict(classifier.model.shape),
        "class_names": classifier.class_names,
        "temperature": classifier.temperature,
        "reading": asdict(classifier.gallery.reading),
        "limit": classifier.limit,
        "accepted": classifier.accepted,
        "origin": asdict(classifier.origin),
    }
    weights: dict[str, Any] = {
        _WEIGHT + name: values.detach().cpu().numpy().astype("<f4")
        for name, values in classifier.model.state_dict().items()
    }
    told = np.array(json.dumps(about))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            about=told,
            gallery=classifier.gallery.vectors,
            components=classifier.gallery.components,
            mean=classifier.gallery.mean,
            **weights,
        )


def load_classifier(path: Path) -> CarClassifier:
    """The classifier that `save_classifier` wrote to `path`, its network on the CPU.

    Raises `FileNotFoundError` where there is none, `ValueError` for a damaged or foreign file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no classifier {path}: check the path")
    try:
        # numpy's reader compares the checksum of every array
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
        version = about["format"]
        found = _restored(about, arrays) if version == _FORMAT else None
    except Exception as error:  # zipfile, zlib, JSON, keys, shapes: all mean the same to a reader
        raise ValueError(
            f"{path} is no classifier, or is damaged ({error}): name a file that the chapter on "
            "cars wrote, or run that chapter again"
        ) from error
    if found is None:
        raise ValueError(
            f"{path} is of format {version}, this version reads {_FORMAT}: run the chapter on cars "
            "again, or use the version that wrote it"
        )
    return found


def _restored(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> CarClassifier:
    layers: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about["shape"].items()
    }
    model = Classifier(ClassifierShape(**layers))
    weights = {
        name.removeprefix(_WEIGHT): torch.from_numpy(values.astype(np.float32))
        for name, values in arrays.items()
        if name.startswith(_WEIGHT)
    }
    model.load_state_dict(weights)
    return CarClassifier(
        model=model.eval(),
        class_names=tuple(about["class_names"]),
        temperature=about["temperature"],
        gallery=MapGallery(
            Reading(**about["reading"]), arrays["mean"], arrays["components"], arrays["gallery"]
        ),
        limit=about["limit"],
        accepted=about["accepted"],
        origin=Origin(**about["origin"]),
    )


@dataclass(frozen=True)
class _Held:
    """Images in memory, as `predict` takes them."""

    images: UInt8[np.ndarray, "n h w 3"]

    def batch(
        self, indices: Int[np.ndarray, " b"] | Sequence[int]
    ) -> Float32[np.ndarray, "b c h w"]:
        """The images at `indices` in [0, 1]."""
        return _scaled(self.images[np.asarray(indices)])


def _scaled(images: UInt8[np.ndarray, "b h w 3"]) -> Float32[np.ndarray, "b 3 h w"]:
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return np.divide(first, np.float32(255), dtype=np.float32)
