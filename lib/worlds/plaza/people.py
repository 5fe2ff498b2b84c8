"""Who walks: builds, clothes, hair and bags.

Colours keep away from black, so that everybody stands out from a black background, hair and
shoes included.
"""

import colorsys
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from jaxtyping import Float64, Int64


class Piece(IntEnum):
    """What has one colour on a person."""

    TOP = 0
    STRIPE = 1
    BOTTOM = 2
    FOREARM = 3
    SHIN = 4
    SKIN = 5
    HAIR = 6
    SHOE = 7
    SKIRT = 8
    HAT = 9
    BACKPACK = 10
    HANDBAG = 11


@dataclass(frozen=True)
class Cast:
    """People's traits, a row each. Shares are about 1, or 0 for what somebody does not have.

    height_m. bulk, shoulders, hips, loose: how stout, how broad, how wide the trousers.
    skirt: how far a skirt or coat reaches below the hips, in m. hair: how far it reaches below
    the ears, in m. hat, backpack: size. handbag: size, on the left, negative on the right.
    palette: colours of `Piece`, in [0, 1].
    """

    height_m: Float64[np.ndarray, " n"]
    bulk: Float64[np.ndarray, " n"]
    shoulders: Float64[np.ndarray, " n"]
    hips: Float64[np.ndarray, " n"]
    loose: Float64[np.ndarray, " n"]
    skirt: Float64[np.ndarray, " n"]
    hair: Float64[np.ndarray, " n"]
    hat: Float64[np.ndarray, " n"]
    backpack: Float64[np.ndarray, " n"]
    handbag: Float64[np.ndarray, " n"]
    palette: Float64[np.ndarray, "n m 3"]

    def of(self, who: Int64[np.ndarray, " k"]) -> "Cast":
        """Rows `who` alone."""
        return Cast(**{field.name: getattr(self, field.name)[who] for field in fields(self)})


def make_cast(count: int, rng: np.random.Generator) -> Cast:
    """`count` people at random; the first of them do not depend on how many there are."""
    rows = [_person(np.random.default_rng(seed)) for seed in rng.integers(2**31, size=count)]
    return Cast(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def _person(rng: np.random.Generator) -> dict[str, object]:
    woman = rng.random() < 0.5
    dressed = woman and rng.random() < 0.4
    coat = not dressed and rng.random() < 0.2
    bag = rng.random()
    hat = rng.random() < 0.12
    side = rng.choice([-1.0, 1.0])
    return {
        "height_m": float(np.clip(rng.normal(1.66 if woman else 1.77, 0.07), 1.5, 1.95)),
        "bulk": float(np.clip(rng.normal(1.0, 0.09), 0.85, 1.3)),
        "shoulders": float(np.clip(rng.normal(0.93 if woman else 1.05, 0.04), 0.8, 1.2)),
        "hips": float(np.clip(rng.normal(1.06 if woman else 0.97, 0.04), 0.85, 1.2)),
        "loose": 1.0 if dressed else float(rng.uniform(1.05, 1.35)),
        "skirt": float(rng.uniform(0.3, 0.6)) if dressed else 0.3 * coat,
        "hair": float(rng.uniform(0.08, 0.26)) if woman and rng.random() < 0.75 else 0.0,
        "hat": float(hat) * float(rng.uniform(0.9, 1.1)),
        "backpack": float(rng.uniform(0.85, 1.15)) if bag < 0.25 else 0.0,
        "handbag": float(rng.uniform(0.85, 1.2)) * side if bag > 0.78 else 0.0,
        "palette": _palette(rng, dressed=dressed, coat=coat),
    }


def _palette(rng: np.random.Generator, *, dressed: bool, coat: bool) -> Float64[np.ndarray, "m 3"]:
    skin = _SKINS[rng.integers(len(_SKINS))] * rng.uniform(0.94, 1.04)
    hair = _HAIRS[rng.choice(len(_HAIRS), p=_HAIR_SHARES)] * rng.uniform(0.9, 1.1)
    top, bottom = _cloth(rng), _trousers(rng)
    second = _cloth(rng)
    colours = np.empty((len(Piece), 3))
    colours[Piece.TOP] = top
    colours[Piece.STRIPE] = second if rng.random() < 0.25 and not coat else top
    colours[Piece.BOTTOM] = bottom
    colours[Piece.FOREARM] = skin if rng.random() < 0.45 and not coat else top
    colours[Piece.SHIN] = skin if dressed or rng.random() < 0.12 else bottom
    colours[Piece.SKIN] = skin
    colours[Piece.HAIR] = hair
    colours[Piece.SHOE] = rng.choice(_SHOES)
    colours[Piece.SKIRT] = top if coat or rng.random() < 0.5 else second
    colours[Piece.HAT] = _cloth(rng)
    colours[Piece.BACKPACK] = _cloth(rng) * 0.85
    colours[Piece.HANDBAG] = _cloth(rng) * 0.8
    if dressed:
        colours[Piece.BOTTOM] = colours[Piece.SKIRT]
    return np.clip(colours, 0.0, 1.0)


def _cloth(rng: np.random.Generator) -> Float64[np.ndarray, "3"]:
    """Any colour, some of them pale or grey; dark ones, such as blues, get some white."""
    strength = rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.4, 0.75)], p=[0.3, 0.7])
    bright = rng.uniform(0.58, 0.95)
    colour = np.array(colorsys.hsv_to_rgb(rng.random(), strength, bright))
    luminance = float(colour @ _LUMINANCE)
    return colour + (1 - colour) * max(0.0, _LEAST_LUMINANCE - luminance) / (1 - luminance)


def _trousers(rng: np.random.Generator) -> Float64[np.ndarray, "3"]:
    """Denim, grey, beige, or any colour."""
    if rng.random() < 0.15:
        return _cloth(rng)
    return _TROUSERS[rng.integers(len(_TROUSERS))] * rng.uniform(0.9, 1.15)


_LUMINANCE = np.array([0.299, 0.587, 0.114])
_LEAST_LUMINANCE = 0.33
_SKINS = np.array(
    [
        [0.95, 0.77, 0.66],
        [0.9, 0.7, 0.57],
        [0.8, 0.58, 0.44],
        [0.64, 0.44, 0.32],
        [0.53, 0.37, 0.28],
    ]
)
_HAIRS = np.array(
    [
        [0.27, 0.23, 0.21],
        [0.38, 0.27, 0.19],
        [0.55, 0.37, 0.2],
        [0.8, 0.65, 0.38],
        [0.7, 0.69, 0.67],
    ]
)
_HAIR_SHARES = (0.3, 0.3, 0.18, 0.12, 0.1)
_SHOES = np.array(
    [[0.31, 0.28, 0.27], [0.85, 0.85, 0.83], [0.45, 0.3, 0.2], [0.3, 0.33, 0.42], [0.75, 0.3, 0.28]]
)
_TROUSERS = np.array(
    [[0.3, 0.39, 0.58], [0.38, 0.5, 0.68], [0.33, 0.34, 0.38], [0.5, 0.5, 0.52], [0.7, 0.6, 0.45]]
)
