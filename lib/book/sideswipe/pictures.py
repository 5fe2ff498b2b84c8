"""The chapter's figures, from its results."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64, UInt8
from matplotlib.figure import Figure

from lib.book.estimates import interval
from lib.book.sideswipe.judging import Judged
from lib.book.sideswipe.leaveout import LeftOut
from lib.book.sideswipe.looks import Looks, Swaps, failures
from lib.book.sideswipe.newcars import WORDS, Novelty
from lib.book.sideswipe.sizes import Point, recommended
from lib.book.tables import number
from lib.data.garage import Cars
from lib.evaluation.classification import ReliabilityBins, confusion, probabilities
from lib.evaluation.intervals import Estimate
from lib.figures import (
    sideswipe_looks,
    sideswipe_mistakes,
    sideswipe_new,
    sideswipe_scores,
    sideswipe_size,
    style,
)
from lib.figures.sideswipe_marks import Interval
from lib.training.augmentation import Augmentation, augment
from lib.worlds.garage.loadout import ROTATIONS

Pictures = UInt8[np.ndarray, "n h w 3"]
AUROC_WANTED = 0.95
SWAP_WORDS = {
    "nothing": "as it is",
    "hat": "other hat",
    "wheels": "other wheels",
    "sticker": "other sticker",
    "colours": "other colours",
}


def names(cars: Cars) -> list[str]:
    """Class names in order of their numbers."""
    return list(cars.images.class_names)


def samples(cars: Cars, *, seed: int = 0) -> dict[str, dict[int, UInt8[np.ndarray, "h w 3"]]]:
    """A picture of each class in each rotation, each of another loadout where possible."""
    images = cars.images
    order = np.random.default_rng(seed).permutation(len(images))
    rotations = images.labels["x_rotation"].to_numpy(np.int64)[order]
    classes, groups = images.classes[order], images.store.groups[order]
    found: dict[str, dict[int, UInt8[np.ndarray, "h w 3"]]] = {}
    shown: set[int] = set()
    for label, name in enumerate(images.class_names):
        for rotation in range(ROTATIONS):
            places = np.flatnonzero((classes == label) & (rotations == rotation))
            if not len(places):
                continue
            fresh = [p for p in places if int(groups[p]) not in shown]
            place = (fresh or list(places))[0]
            shown.add(int(groups[place]))
            found.setdefault(name, {})[rotation] = np.asarray(images.store.frames[order[place]])
    return found


def augmented(
    cars: Cars, *, count: int, versions: int, seed: int = 0
) -> tuple[Pictures, UInt8[np.ndarray, "n k h w 3"], list[str]]:
    """`count` pictures of different classes, `versions` of each as training sees them, names."""
    images = cars.images
    order = np.random.default_rng(seed).permutation(len(images))
    classes = images.classes
    firsts = [order[np.flatnonzero(classes[order] == label)[0]] for label in np.unique(classes)]
    chosen = np.array([firsts[i % len(firsts)] for i in range(count)])
    originals = np.asarray(images.store.frames[chosen])
    pixels = torch.from_numpy(originals)
    seen = [augment(pixels, Augmentation(), seed=seed, step=step) for step in range(versions)]
    shown = torch.stack(seen, 1).permute(0, 1, 3, 4, 2).mul(255).round().to(torch.uint8)
    return originals, shown.numpy(), [images.class_names[label] for label in classes[chosen]]


def confusion_counts(judged: Judged) -> Int64[np.ndarray, "c c"]:
    """Test images by true class (rows) and answer (columns)."""
    classes = judged.test.logits.shape[1]
    return confusion(judged.labels, judged.predicted, classes=classes).counts


def failure_figure(judged: Judged, cars: Cars) -> Figure:
    """The surest mistakes beside their nearest training images."""
    if (judged.predicted == judged.labels).all():
        return style.message(f"no mistake among {number(len(judged.labels))} test images")
    found = failures(judged, cars.images)
    return sideswipe_mistakes.failures(
        found.images,
        found.verdicts,
        found.neighbours,
        found.neighbour_classes,
        found.same_loadout,
    )


def reliability_figure(judged: Judged) -> Figure:
    """Accuracy against confidence before and after temperature scaling."""
    done = judged.calibration
    bins = {"before": _frame(done.bins_before), "after": _frame(done.bins_after)}
    ece = {"before": interval(done.before["ece"]), "after": interval(done.after["ece"])}
    return sideswipe_scores.reliability(bins, ece)


def _frame(bins: ReliabilityBins) -> pd.DataFrame:
    return pd.DataFrame(vars(bins))


def probe_shares(found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, Interval]]:
    """Estimates by region and variant as figures take them."""
    return {
        region: {variant: interval(one) for variant, one in by_variant.items()}
        for region, by_variant in found.items()
    }


def attention_figure(looks: Looks | None, classes: Sequence[str], *, most: int = 8) -> Figure:
    """Heat maps of some pictures, of every class, in different rotations."""
    if looks is None:
        return style.message("these pictures come without masks of their cars")
    order = np.lexsort((looks.rotations, looks.labels))
    chosen = order[np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int)]
    captions = [classes[looks.labels[i]] for i in chosen]
    return sideswipe_looks.attention_sheet(
        looks.images[chosen], looks.heat[chosen], looks.masks[chosen], captions
    )


def sanity_figure(looks: Looks | None, classes: Sequence[str]) -> Figure:
    """Heat on the car by class; and what is left of the maps when layers are reset."""
    if looks is None:
        return style.message("these pictures come without masks of their cars")
    by_class = {
        name: looks.attention(looks.labels == label)
        for label, name in enumerate(classes)
        if (looks.labels == label).any()
    }
    checked = looks.groups[: looks.check.correlation.shape[1]]
    layers = layer_words(len(looks.check.layers))
    steps = zip(layers, looks.check.over_groups(checked), strict=True)
    return sideswipe_looks.attention_scores(
        {name: interval(one.heat_inside) for name, one in by_class.items()},
        {name: interval(one.area_inside) for name, one in by_class.items()},
        {layer: interval(estimate) for layer, estimate in steps},
        chance=float(looks.check.between_images.mean()),
    )


def layer_words(count: int) -> list[str]:
    """Names of the layers with weights of a network with a hidden one, from the top."""
    return ["output", "hidden", *(f"convolution {i}" for i in range(count - 2, 0, -1))]


def swap_figure(swaps: Swaps | None, classes: Sequence[str], *, most: int = 6) -> Figure:
    """Cars with one part swapped; those first where it matters most."""
    if swaps is None:
        return style.message("these cars cannot be drawn again")
    change = np.max(
        [
            np.abs(swaps.probabilities(part) - swaps.probabilities("nothing"))
            for part in swaps.images
        ],
        axis=0,
    )
    worst = np.argsort(-change)[: most // 2]
    rest = np.setdiff1d(np.arange(len(change)), worst)[: most - len(worst)]
    chosen = np.concatenate([worst, rest])
    return sideswipe_looks.counterfactuals(
        {SWAP_WORDS[part]: images[chosen] for part, images in swaps.images.items()},
        {SWAP_WORDS[part]: swaps.probabilities(part)[chosen] for part in swaps.images},
        [classes[label] for label in swaps.labels[chosen]],
    )


def effect_figure(swaps: Swaps | None) -> Figure:
    """What swapping each part does on the whole."""
    if swaps is None:
        return style.message("these cars cannot be drawn again")
    effects = swaps.effects()
    return sideswipe_looks.counterfactual_effect(
        {part: interval(effect.flipped) for part, effect in effects.items()},
        {part: interval(effect.change) for part, effect in effects.items()},
    )


def new_car_figure(
    novelty: Novelty | None, new: Cars | None, classes: Sequence[str], *, most: int = 8
) -> Figure:
    """New cars with the network's answers, as many of each body as of the others."""
    if novelty is None or new is None:
        return style.message("there are no pictures of new cars")
    each = max(1, most // len(novelty.bodies))
    rng = np.random.default_rng(0)
    places = np.concatenate(
        [rng.permutation(np.flatnonzero(of))[:each] for of in novelty.bodies.values()]
    )
    bodies = [name for name, of in novelty.bodies.items() for _ in range(min(each, int(of.sum())))]
    return sideswipe_mistakes.new_cars(
        np.asarray(new.images.store.frames[novelty.indices[places]]),
        probabilities(novelty.predictions.logits[places]),
        classes,
        novelty.unknown()[places],
        bodies,
    )


def novelty_figure(novelty: Novelty | None) -> Figure:
    """AUROC of each score, on all new cars and on each body."""
    if novelty is None:
        return style.message("there are no pictures of new cars")
    return sideswipe_new.novelty_scores(
        {WORDS[n]: interval(r.together.auroc) for n, r in novelty.reports.items()},
        {
            WORDS[n]: {body: interval(d.auroc) for body, d in r.by_body.items()}
            for n, r in novelty.reports.items()
        },
        target=AUROC_WANTED,
    )


def left_out_figure(found: LeftOut) -> Figure:
    """AUROC of each reading on each known car that was left out of training."""
    return sideswipe_new.left_out(
        {
            f"block {block}": {
                reading.neighbours: [one[reading] for one in found.by_car.values()]
                for reading in found.means
                if reading.block == block
            }
            for block in sorted({reading.block for reading in found.means})
        },
        chosen=(f"block {found.best.block}", found.best.neighbours),
    )


def roc_figure(novelty: Novelty | None) -> Figure:
    """Known cars accepted against new cars taken for known."""
    if novelty is None:
        return style.message("there are no pictures of new cars")
    return sideswipe_new.novelty_roc(
        {WORDS[name]: scores for name, scores in novelty.known.items()},
        {WORDS[name]: scores for name, scores in novelty.new.items()},
    )


def front_figure(families: Mapping[str, Sequence[Point]]) -> Figure:
    """Error against parameters; the recommended network is ringed."""
    plain = {
        name: {p.parameters: interval(p.accuracy) for p in points}
        for name, points in families.items()
    }
    best = recommended(families)
    return sideswipe_size.front(plain, recommended=("from scratch", best.parameters, "small"))


def curve_intervals(
    curve: Mapping[str, Sequence[Point]],
) -> dict[str, dict[int, Interval]]:
    """Accuracy by network and number of training images, as figures take it."""
    return {
        name: {point.images: interval(point.accuracy) for point in points}
        for name, points in curve.items()
    }
