"""What the network looks at, where it errs, and what a swapped part does to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from PIL import Image

from lib.book.sideswipe.judging import Judged
from lib.data.garage import Cars
from lib.data.images import shrunk
from lib.data.sideswipe import CarImages
from lib.evaluation.attention import Attention, heat_maps, summarise_attention
from lib.evaluation.classification import predict, probabilities
from lib.evaluation.counterfactual import PartEffect, pair_changes, part_effects
from lib.evaluation.neighbours import kinship, nearest_features, worst_mistakes
from lib.evaluation.randomisation import Randomisation, randomisation_check
from lib.progress import tqdm
from lib.worlds.garage.footage import load_settings
from lib.worlds.garage.loadout import COLOUR_STEPS, STICKERS, WHEELS, Body, Hat
from lib.worlds.garage.settings import GarageFootage
from lib.worlds.garage.truth import mask_of, rerender, shot_of

Pictures = UInt8[np.ndarray, "n h w 3"]
LOOKED = {"tiny": 200, "small": 1_000, "full": 2_000}  # test images with heat maps
SWAPPED = {"tiny": 120, "small": 600, "full": 2_000}  # test cars that are drawn again
PARTS = ("nothing", "hat", "wheels", "sticker", "colours")


@dataclass(frozen=True)
class Looks:
    """Heat maps of some test images beside the true masks of their cars."""

    images: Pictures
    heat: Float32[np.ndarray, "n h w"]
    masks: Bool[np.ndarray, "n h w"]
    labels: Int64[np.ndarray, " n"]
    groups: Int64[np.ndarray, " n"]
    rotations: Int64[np.ndarray, " n"]
    check: Randomisation

    def attention(self, members: Bool[np.ndarray, " n"] | None = None) -> Attention:
        """Heat on the car against its area, of all images or of `members`."""
        of = np.ones(len(self.labels), bool) if members is None else members
        return summarise_attention(self.heat[of], self.masks[of], self.groups[of])


def settings_of(cars: Cars) -> GarageFootage | None:
    """The settings of generated cars; None of a reader's own, whose truth is not known."""
    return load_settings(cars.source)


def spread(judged: Judged, most: int) -> Int64[np.ndarray, " k"]:
    """Places of at most `most` of the test images, evenly spread over classes and loadouts."""
    order = np.random.default_rng(judged.trained.seed).permutation(len(judged.indices))
    turn = np.empty(len(order), np.int64)
    for label in np.unique(judged.labels):
        members = order[judged.labels[order] == label]
        turn[members] = np.arange(len(members))
    return np.sort(np.lexsort((judged.labels, turn))[:most])


def look(judged: Judged, cars: Cars, *, most: int, checked: int = 64) -> Looks | None:
    """Grad-CAM of at most `most` test images, with a randomisation check on `checked` of them.

    None for cars that were not generated: their masks are not known.
    """
    settings = settings_of(cars)
    if settings is None:
        return None
    images, places = cars.images, spread(judged, most)
    indices = judged.indices[places]
    tensors = torch.from_numpy(images.store.batch(indices))
    model = judged.trained.run.model
    rows, columns = images.store.size
    masks = [mask_of(settings, int(n)) for n in images.store.frame_numbers[indices]]
    return Looks(
        images=np.asarray(images.store.frames[indices]),
        heat=heat_maps(model, tensors),
        masks=np.stack([_coarse(mask, (rows, columns)) for mask in masks]),
        labels=judged.labels[places],
        groups=judged.groups[places],
        rotations=images.labels["x_rotation"].to_numpy(np.int64)[indices],
        check=randomisation_check(model, tensors[:checked], seed=judged.trained.seed),
    )


def _coarse(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "h2 w2"]:
    """`mask` at the size of the network's images: set where it covers at least half."""
    grey = Image.fromarray(mask.astype(np.uint8) * 255).resize(size[::-1], Image.Resampling.BOX)
    return np.asarray(grey) >= 128


@dataclass(frozen=True)
class Failures:
    """Wrong answers, the surest first, with the training images nearest in feature space."""

    images: Pictures
    verdicts: list[tuple[str, str, float]]  # true class, said class, its probability
    neighbours: UInt8[np.ndarray, "n k h w 3"]
    neighbour_classes: list[list[str]]
    same_loadout: Bool[np.ndarray, "n k"]


def failures(judged: Judged, images: CarImages, *, most: int = 8, k: int = 4) -> Failures:
    """The `most` surest mistakes, each with its `k` nearest of at most 20,000 training images."""
    wrong = worst_mistakes(judged.test.logits, judged.labels, most=most)
    train = judged.trained.splits.train[:: max(1, len(judged.trained.splits.train) // 20_000)]
    gallery = predict(judged.trained.run.model, images.store, train)
    near = nearest_features(judged.test.features[wrong], gallery.features, k=k)
    classes, groups = images.classes, images.store.groups.astype(np.int64)
    kin = kinship(
        near, (judged.groups[wrong], judged.labels[wrong]), (groups[train], classes[train])
    )
    sure = probabilities(judged.test.logits[wrong], temperature=judged.temperature)
    names, said = images.class_names, judged.predicted[wrong]
    frames = images.store.frames
    return Failures(
        images=np.asarray(frames[judged.indices[wrong]]),
        verdicts=[
            (names[label], names[say], float(p[say]))
            for label, say, p in zip(judged.labels[wrong], said, sure, strict=True)
        ],
        neighbours=np.asarray(frames[train[near.places]]),
        neighbour_classes=[[names[label] for label in classes[train[row]]] for row in near.places],
        same_loadout=kin.same_group,
    )


@dataclass(frozen=True)
class Swaps:
    """Test images, and the same cars in the same pose with one part swapped."""

    images: dict[str, Pictures]  # by part; "nothing" is the image itself, rendered again
    logits: dict[str, Float32[np.ndarray, "n c"]]
    labels: Int64[np.ndarray, " n"]
    groups: Int64[np.ndarray, " n"]
    temperature: float

    def probabilities(self, part: str) -> Float[np.ndarray, " n"]:
        """Of the true class."""
        p = probabilities(self.logits[part], temperature=self.temperature)
        true: Float[np.ndarray, " n"] = p[np.arange(len(self.labels)), self.labels]
        return true

    def effects(self) -> dict[str, PartEffect]:
        """What swapping each part does, with intervals over loadouts."""
        return {
            part: part_effects(
                pair_changes(
                    self.logits["nothing"], logits, self.labels, temperature=self.temperature
                ),
                [part] * len(self.labels),
                self.groups,
            )[part]
            for part, logits in self.logits.items()
            if part != "nothing"
        }


def swap_parts(judged: Judged, cars: Cars, *, most: int) -> Swaps | None:
    """Render at most `most` test cars again with another hat, wheels, sticker or colours.

    None for cars that were not generated: they cannot be drawn again.
    """
    settings = settings_of(cars)
    if settings is None:
        return None
    places = spread(judged, most)
    numbers = cars.images.store.frame_numbers[judged.indices[places]]
    rng = np.random.default_rng([judged.trained.seed, 0x5A1D])
    pictures: dict[str, list[UInt8[np.ndarray, "h w 3"]]] = {part: [] for part in PARTS}
    for number in tqdm(numbers, desc="swapping parts", unit="car", leave=False):
        for part, picture in _versions(settings, int(number), rng).items():
            pictures[part].append(shrunk(picture, cars.images.store.size))
    stacked = {part: np.stack(found) for part, found in pictures.items()}
    return Swaps(
        images=stacked,
        logits={part: _logits(judged, images) for part, images in stacked.items()},
        labels=judged.labels[places],
        groups=judged.groups[places],
        temperature=judged.temperature,
    )


def _versions(
    settings: GarageFootage, number: int, rng: np.random.Generator
) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
    """A car as it is, and with each of `PARTS` swapped for another one."""
    worn = shot_of(settings, number).loadout
    hat = Hat(_another(int(worn.hat), len(Hat), rng))
    wheel = _another(worn.wheel, WHEELS, rng)
    sticker = _another(worn.sticker, STICKERS[Body(worn.body)], rng)
    steps = COLOUR_STEPS - 1
    primary = _another(round(worn.primary_colour * steps), COLOUR_STEPS, rng) / steps
    secondary = _another(round(worn.secondary_colour * steps), COLOUR_STEPS, rng) / steps
    return {
        "nothing": rerender(settings, number),
        "hat": rerender(settings, number, hat=hat),
        "wheels": rerender(settings, number, wheel=wheel),
        "sticker": rerender(settings, number, sticker=sticker),
        "colours": rerender(settings, number, primary_colour=primary, secondary_colour=secondary),
    }


def _another(worn: int, count: int, rng: np.random.Generator) -> int:
    """One of `count`, but not `worn`."""
    return int((worn + rng.integers(1, count)) % count)


def _logits(judged: Judged, images: Pictures) -> Float32[np.ndarray, "n c"]:
    return predict(judged.trained.run.model, _Rendered(images), np.arange(len(images))).logits


@dataclass(frozen=True)
class _Rendered:
    """Pictures in memory, as `predict` takes them."""

    pictures: Pictures

    def batch(
        self, indices: Int64[np.ndarray, " b"] | Sequence[int]
    ) -> Float32[np.ndarray, "b c h w"]:
        """The pictures at `indices` as float32 in [0, 1]."""
        chosen = self.pictures[np.asarray(indices)].transpose(0, 3, 1, 2)
        return np.divide(np.ascontiguousarray(chosen), np.float32(255), dtype=np.float32)
