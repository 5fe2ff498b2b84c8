"""The blocks world: footage like Minecraft's from a voxel ray-caster, with all textures generated.

`make_world` builds a world from a seed, `Camera` walks through it, `render` takes the pictures,
and `make_footage` writes whole data sets in the layouts of MineRL and GF-Minecraft.
"""

from lib.worlds.blocks.camera import Action, Camera, Mode, Pose, move
from lib.worlds.blocks.footage import BlocksFootage, FootageReport, make_footage
from lib.worlds.blocks.kinds import BIOME_NAMES, Biome, Block, Kind
from lib.worlds.blocks.recording import Moment, Recording, plan_recording
from lib.worlds.blocks.sky import Sky, make_sky, sun_direction, sun_elevation
from lib.worlds.blocks.view import cast_ray, heading, render
from lib.worlds.blocks.world import World, assemble_world, make_world

__all__ = [
    "BIOME_NAMES",
    "Action",
    "Biome",
    "Block",
    "BlocksFootage",
    "Camera",
    "FootageReport",
    "Kind",
    "Mode",
    "Moment",
    "Pose",
    "Recording",
    "Sky",
    "World",
    "assemble_world",
    "cast_ray",
    "heading",
    "make_footage",
    "make_sky",
    "make_world",
    "move",
    "plan_recording",
    "render",
    "sun_direction",
    "sun_elevation",
]
