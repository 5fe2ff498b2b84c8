"""The garage world: customised cars before an arena, as Sideswipe's data set shows them.

`Garage` renders a `Loadout` in a rotation, with a mask of the car. `make_garage` writes whole data
sets in the original's layout, images and data base, and `shot_of`, `mask_of` and `rerender` tell
afterwards what is in any of their images, and what it would look like with other parts.
"""

from lib.worlds.garage.database import DATABASE, skin_id, sticker_of
from lib.worlds.garage.footage import GarageFootage, GarageReport, load_settings, make_garage
from lib.worlds.garage.loadout import (
    CLASSES,
    COLOUR_STEPS,
    NEW_BODIES,
    ROTATIONS,
    STICKERS,
    WHEELS,
    Body,
    Hat,
    Loadout,
    Shares,
    Team,
    Variant,
    sample_loadouts,
)
from lib.worlds.garage.settings import loadouts_of, uuid_of
from lib.worlds.garage.truth import Shot, mask_of, rerender, shot_of
from lib.worlds.garage.view import Garage, Pose, jitter

__all__ = [
    "CLASSES",
    "COLOUR_STEPS",
    "DATABASE",
    "NEW_BODIES",
    "ROTATIONS",
    "STICKERS",
    "WHEELS",
    "Body",
    "Garage",
    "GarageFootage",
    "GarageReport",
    "Hat",
    "Loadout",
    "Pose",
    "Shares",
    "Shot",
    "Team",
    "Variant",
    "jitter",
    "load_settings",
    "loadouts_of",
    "make_garage",
    "mask_of",
    "rerender",
    "sample_loadouts",
    "shot_of",
    "skin_id",
    "sticker_of",
    "uuid_of",
]
