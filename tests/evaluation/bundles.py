"""A small classifier with random weights, as a chapter would bundle it."""

import numpy as np
import torch

from lib.evaluation.car_classifier import CarClassifier, Origin, build_classifier
from lib.evaluation.classification import predict
from lib.evaluation.map_distance import Reading
from lib.models.classifier import Classifier, ClassifierShape

NAMES = ("octane-like", "aftershock-like", "werewolf-like", "breakout-like")
SHAPE = ClassifierShape(channels=(4, 6), hidden=5, input_scale=1.0)


class Pixels:
    """uint8 images as `predict` takes them."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def batch(self, indices) -> np.ndarray:
        return (self.images[indices].transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32)


def noise(count: int, seed: int = 0) -> np.ndarray:
    """Smooth noise, each image of another brightness: uint8 [count, 50, 100, 3]."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 200, (count, 5, 10, 3)) + rng.integers(0, 56, (count, 1, 1, 1))
    return coarse.repeat(10, 1).repeat(10, 2).astype(np.uint8)


def maps_of(model: Classifier, images: np.ndarray) -> np.ndarray:
    """Maps of the block that the bundle reads."""
    return predict(model, Pixels(images), np.arange(len(images)), blocks=[2]).maps[2]


def make_classifier(**options) -> CarClassifier:
    model = Classifier(SHAPE, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        model.head.weight.mul_(4)  # else all probabilities are much alike
    about = {"temperature": 1.7, "origin": Origin("tiny", "0123456789ab", "noise")}
    given = about | {"reading": Reading(2, 1)} | options
    train, known = maps_of(model, noise(80)), maps_of(model, noise(40, seed=1))
    return build_classifier(model.eval(), NAMES, train, known, **given)
