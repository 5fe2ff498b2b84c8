"""What an image of a data set shows, exactly: rendered again from settings and number.

An image's number is its row in the data base, counted from 0. Nothing is read from the folder but
its settings (`load_settings`), so masks and counterfactuals exist for every image at no space.
"""

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from lib.worlds.garage.loadout import ROTATIONS, Body, Hat, Loadout, Team
from lib.worlds.garage.settings import GarageFootage, loadouts_of
from lib.worlds.garage.view import Garage, Pose, jitter


@dataclass(frozen=True)
class Shot:
    """All that makes one image: the car, its rotation, how it stands, and the noise's seed."""

    loadout: Loadout
    rotation: int
    pose: Pose
    noise_seed: int


def shot_of(footage: GarageFootage, number: int) -> Shot:
    """What image `number` shows: row `number` of the data base, counted from 0.

    Raises `ValueError` where the data set has no such image.
    """
    if not 0 <= number < footage.images:
        raise ValueError(
            f"number is {number}, but the data set has {footage.images} images, numbered from 0 "
            "in the order of the data base's rows; choose one of them"
        )
    return make_shot(footage, loadouts_of(footage)[number // ROTATIONS], number)


def mask_of(footage: GarageFootage, number: int) -> Bool[np.ndarray, "h w"]:
    """Where the car is in image `number`, with its hat and wheels."""
    shot = shot_of(footage, number)
    return garage(footage.size, footage.supersample).mask(shot.loadout, shot.rotation, shot.pose)


def rerender(
    footage: GarageFootage,
    number: int,
    *,
    body: Body | None = None,
    team: Team | None = None,
    primary_colour: float | None = None,
    secondary_colour: float | None = None,
    hat: Hat | None = None,
    sticker: int | None = None,
    wheel: int | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """Image `number` as it were with other parts, in the same pose and with the same noise.

    What is None stays as it is; with nothing changed, these are the pixels of the image's file:
    the picture has been through JPEG. Raises `ValueError` for a part that the body does not have.
    """
    asked: dict[str, Any] = {
        "body": body,
        "team": team,
        "primary_colour": primary_colour,
        "secondary_colour": secondary_colour,
        "hat": hat,
        "sticker": sticker,
        "wheel": wheel,
    }
    shot = shot_of(footage, number)
    changes = {name: value for name, value in asked.items() if value is not None}
    other = replace(shot, loadout=replace(shot.loadout, **changes))
    with Image.open(io.BytesIO(encode(footage, render_shot(footage, other)))) as picture:
        return np.asarray(picture.convert("RGB"))


def make_shot(footage: GarageFootage, loadout: Loadout, number: int) -> Shot:
    """`shot_of` where the loadout is known already."""
    row, rotation = divmod(number, ROTATIONS)
    rng = np.random.default_rng([footage.seed, row, rotation])
    noise_seed = int(rng.integers(2**31))  # first, so that both variants have the same noise
    return Shot(loadout, rotation, jitter(footage.variant, rng), noise_seed)


def render_shot(footage: GarageFootage, shot: Shot) -> UInt8[np.ndarray, "h w 3"]:
    """The picture, before it is compressed."""
    return garage(footage.size, footage.supersample).render(
        shot.loadout, shot.rotation, shot.pose, noise_seed=shot.noise_seed
    )


@lru_cache(maxsize=2)
def garage(size: tuple[int, int], supersample: int) -> Garage:
    """The renderer of this process; making one takes longer than a picture."""
    return Garage(size, supersample)


def encode(footage: GarageFootage, picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """`picture` as the bytes of its file; colour at half resolution, as the original's."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(
        buffer, format="JPEG", quality=footage.jpeg_quality, subsampling="4:2:0"
    )
    return buffer.getvalue()
