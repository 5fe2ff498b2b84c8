"""The blocks world: footage like Minecraft's from a voxel ray-caster, with all textures generated.

`make_world` builds a world from a seed, `Camera` walks through it, `render` takes the pictures,
and `make_footage` writes whole data sets in the layouts of MineRL and GF-Minecraft.
"""

from lib.worlds.blocks.camera import Action, Camera, Mode, Pose, move
from lib.worlds.blocks.creatures import Creature
from lib.worlds.blocks.footage import BlocksFootage, FootageReport, make_footage
from lib.worlds.blocks.hand import Hand, overlay_hand
from lib.worlds.blocks.herds import Population
from lib.worlds.blocks.hud import Hud, overlay_hud
from lib.worlds.blocks.items import Item
from lib.worlds.blocks.kinds import BIOME_NAMES, Biome, Block, Kind
from lib.worlds.blocks.recording import Moment, Recording, plan_recording
from lib.worlds.blocks.sky import Sky, make_sky, sun_direction, sun_elevation
from lib.worlds.blocks.species import Species
from lib.worlds.blocks.view import Shot, cast_ray, heading, render, shoot
from lib.worlds.blocks.world import World, assemble_world, make_world

__all__ = [
    "BIOME_NAMES",
    "Action",
    "Biome",
    "Block",
    "BlocksFootage",
    "Camera",
    "Creature",
    "FootageReport",
    "Hand",
    "Hud",
    "Item",
    "Kind",
    "Mode",
    "Moment",
    "Population",
    "Pose",
    "Recording",
    "Shot",
    "Sky",
    "Species",
    "World",
    "assemble_world",
    "cast_ray",
    "heading",
    "make_footage",
    "make_sky",
    "make_world",
    "move",
    "overlay_hand",
    "overlay_hud",
    "plan_recording",
    "render",
    "shoot",
    "sun_direction",
    "sun_elevation",
]
