"""How hard a labelled set of images is: what a linear model makes of their pixels.

A set that a linear model solves says little about a network. And a set whose corners tell the class
leaks it through the background.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Images = UInt8[np.ndarray, "_ h w 3"]
Region = Callable[[Images], UInt8[np.ndarray, "_ k"]]
COARSE = 4  # pixels a side that are averaged into one: 12 x 25 of 50 x 100
CORNER = 0.16  # of height and width


def whole(images: Images) -> UInt8[np.ndarray, "n k"]:
    """All pixels, at a quarter of the resolution."""
    n, h, w, _ = images.shape
    kept = images[:, : h - h % COARSE, : w - w % COARSE]
    blocks = kept.reshape(n, h // COARSE, COARSE, w // COARSE, COARSE, 3)
    return blocks.mean((2, 4)).astype(np.uint8).reshape(n, -1)


def corners(images: Images) -> UInt8[np.ndarray, "n k"]:
    """The two upper corners alone, where neither a car nor its shadow ever is."""
    n, h, w, _ = images.shape
    rows, columns = max(1, round(CORNER * h)), max(1, round(CORNER * w))
    parts = (images[:, :rows, :columns], images[:, :rows, w - columns :])
    return np.concatenate([part.reshape(n, -1) for part in parts], axis=1)


REGIONS: dict[str, Region] = {"pixels": whole, "upper corners": corners}


def linear_probe(
    train: tuple[Images, Int[np.ndarray, " t"]],
    test: tuple[Images, Int[np.ndarray, " m"]],
    region: str,
    *,
    ridge: float = 1e3,
) -> Bool[np.ndarray, " m"]:
    """Which test images a linear classifier on `region` of the images gets right.

    Ridge regression on class indicators, the weight of the squared coefficients being `ridge`: as
    good as logistic regression for this purpose, and a hundred times faster. `train` and `test` are
    (images, labels); `region` is one of `REGIONS`.

    Raises:
        ValueError: an unknown region, no images, or labels that do not fit.
    """
    if region not in REGIONS:
        raise ValueError(f"region is {region!r}; choose one of {', '.join(REGIONS)}")
    for name, (images, labels) in {"train": train, "test": test}.items():
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                f"{name} has {len(images)} images and {len(labels)} labels; give one label each"
            )
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=ridge))
    model.fit(_values(train[0], region), train[1])
    right: Bool[np.ndarray, " m"] = model.predict(_values(test[0], region)) == test[1]
    return right


def _values(images: Images, region: str) -> Float32[np.ndarray, "n k"]:
    return REGIONS[region](images).astype(np.float32) / np.float32(255)
