"""The sprites world: toy clips of bright shapes that move, bounce and pass over each other.

The setting in which SCALOR (Jiang et al. 2020) was first shown: a few or many shapes on a small
picture, plain or textured, over black, a gradient or a texture of discs. Clips and their truth are
written as the plaza's are (`lib.worlds.plaza.sequences`). Sprites bounce off the picture's border
as a whole, so none is ever cut off, and keep their order in depth.
"""

import colorsys
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from lib.worlds.leaves import dead_leaves
from lib.worlds.plaza.ground import gradient
from lib.worlds.plaza.sequences import Clip, SequencesReport, World, make_sequences
from lib.worlds.plaza.settings import (
    SETTINGS_FILE,
    Background,
    check_backgrounds,
    check_range,
    read_settings,
)
from lib.worlds.plaza.truth import Shot, Sighting

Density = Literal["sparse", "medium", "dense"]
BACKGROUNDS: tuple[Background, ...] = ("black", "gradient", "leaves")
SHAPES = ("disc", "square", "triangle", "ellipse", "heart")

# fewest and most sprites, least and largest radius as a share of the picture's side
_DENSITIES: dict[Density, tuple[tuple[int, int], tuple[float, float]]] = {
    "sparse": ((2, 4), (0.078, 0.125)),
    "medium": ((5, 9), (0.070, 0.105)),
    "dense": ((12, 20), (0.055, 0.080)),
}
_SCALES = {"tiny": 200, "small": 1_000, "full": 10_000}
_PACE = (0.016, 0.047)  # shares of the side a frame
_GRADIENT_LEVELS = (0.05, 0.45)  # dim, so that every sprite is brighter
_COLOURS = 8
_SAMPLES = 4  # a pixel and axis
_MOTION_STREAM, _GROUND_STREAM, _LEAVES_STREAM = 1, 2, 3

Places = Float64[np.ndarray, "h w"]
Inside = Bool[np.ndarray, "h w"]


@dataclass(frozen=True)
class SpritesFootage:
    """Settings of a data set of sprites.

    seed: which clips. clips: how many, of `frames` each. size_px: side of the square picture.
    density: "sparse" has 2 to 4 sprites, "medium" 5 to 9, "dense" 12 to 20 smaller ones. shapes:
    some of `SHAPES`. textured: whether sprites have stripes, checks or rings of a second colour.
    turning: whether they turn as they go. backgrounds: what each clip is shown over.
    """

    seed: int = 0
    clips: int = _SCALES["tiny"]
    frames: int = 20
    size_px: int = 64
    density: Density = "sparse"
    shapes: tuple[str, ...] = ("disc", "square", "triangle")
    textured: bool = False
    turning: bool = False
    backgrounds: tuple[Background, ...] = ("black",)
    frame_rate_hz: int = 10

    def __post_init__(self) -> None:
        for name, least, most in (
            ("seed", 0, 2**31 - 1),
            ("clips", 1, 100_000),
            ("frames", 1, 100_000),
            ("size_px", 16, 1024),
            ("frame_rate_hz", 1, 60),
        ):
            check_range(self, name, least, most)
        _check_density(self.density)
        if not self.shapes or not set(self.shapes) <= set(SHAPES):
            named = ", ".join(map(repr, self.shapes)) or "none"
            raise ValueError(f"shapes must be some of {', '.join(SHAPES)}, not {named}")
        object.__setattr__(self, "backgrounds", check_backgrounds(self.backgrounds, BACKGROUNDS))

    @classmethod
    def preset(
        cls,
        name: str,
        *,
        seed: int = 0,
        density: str = "sparse",
        textured: bool = False,
        backgrounds: tuple[str, ...] = ("black",),
    ) -> "SpritesFootage":
        """Settings by name: "tiny" has 200 clips of 20 frames, "small" 1,000, "full" 10,000."""
        if name not in _SCALES:
            raise ValueError(f"preset must be one of {', '.join(_SCALES)}, not {name!r}")
        return cls(
            seed,
            _SCALES[name],
            density=_check_density(density),
            textured=textured,
            backgrounds=check_backgrounds(backgrounds, BACKGROUNDS),
        )


def _check_density(density: str) -> Density:
    for known in _DENSITIES:
        if density == known:
            return known
    raise ValueError(f"density must be one of {', '.join(_DENSITIES)}, not {density!r}")


@dataclass(frozen=True)
class Sprites:
    """The sprites of a clip, from the rearmost to the foremost.

    shape: numbers in `SHAPES`. radius: in px, of the circle about each. place: px, in the first
    frame. velocity: px a frame. angle, spin: radians, and radians a frame. colours: of each its
    own and its texture's. texture: 0 none, 1 stripes, 2 checks, 3 rings.
    """

    shape: tuple[str, ...]
    radius: Float64[np.ndarray, " n"]
    place: Float64[np.ndarray, "n 2"]
    velocity: Float64[np.ndarray, "n 2"]
    angle: Float64[np.ndarray, " n"]
    spin: Float64[np.ndarray, " n"]
    colours: Float64[np.ndarray, "n 2 3"]
    texture: tuple[int, ...]


def plan_clip(footage: SpritesFootage, clip: int) -> Sprites:
    """The sprites of clip `clip`, counted from 0.

    Raises `ValueError` where the data set has no such clip.
    """
    if not 0 <= clip < footage.clips:
        raise ValueError(
            f"clip is {clip}, but the data set has {footage.clips} clips, from 0; choose one"
        )
    rng = np.random.default_rng([footage.seed, clip, _MOTION_STREAM])
    (fewest, most), (least, largest) = _DENSITIES[footage.density]
    count, side = int(rng.integers(fewest, most + 1)), footage.size_px
    radius = rng.uniform(least, largest, count) * side
    angle = rng.uniform(0, 2 * math.pi, count)
    pace = rng.uniform(*_PACE, count) * side
    upright = not footage.turning
    return Sprites(
        shape=tuple(footage.shapes[k] for k in rng.integers(len(footage.shapes), size=count)),
        radius=radius,
        place=_apart(rng, radius, side),
        velocity=np.stack([np.cos(angle), np.sin(angle)], 1) * pace[:, None],
        angle=rng.uniform(0, 2 * math.pi, count) * (not upright),
        spin=rng.uniform(-0.15, 0.15, count) * (not upright),
        colours=_colours(rng, count),
        texture=tuple((rng.integers(1, 4, count) * footage.textured).tolist()),
    )


def _apart(
    rng: np.random.Generator, radius: Float64[np.ndarray, " n"], side: int
) -> Float64[np.ndarray, "n 2"]:
    """Places within the picture, apart from each other where a few tries allow."""
    place = np.empty((len(radius), 2))
    for k, own in enumerate(radius):
        tries = rng.uniform(own, side - own, (30, 2))
        gaps = np.linalg.norm(tries[:, None] - place[None, :k], axis=2) - radius[:k] - own
        place[k] = tries[gaps.min(axis=1, initial=0.0).argmax()]
    return place


def _colours(rng: np.random.Generator, count: int) -> Float64[np.ndarray, "n 2 3"]:
    """Bright colours, of hues as different as possible, and darker ones for the textures."""
    hues = (rng.permutation(max(count, _COLOURS))[:count] / max(count, _COLOURS)) % 1
    pairs = [
        (
            colorsys.hsv_to_rgb(hue, rng.uniform(0.75, 1.0), 1.0),
            colorsys.hsv_to_rgb((hue + rng.uniform(0.2, 0.8)) % 1, rng.uniform(0.2, 0.9), 0.7),
        )
        for hue in hues
    ]
    return np.array(pairs)


def render_clip(footage: SpritesFootage, clip: int) -> Iterator[Shot]:
    """The frames of a clip, over all of `footage.backgrounds`. Ids count from 1, from the rear."""
    sprites, side = plan_clip(footage, clip), footage.size_px
    under = {kind: _ground(kind, footage, clip) for kind in footage.backgrounds}
    place, velocity = sprites.place.copy(), sprites.velocity.copy()
    for frame in range(footage.frames):
        layer, cover, mask, sightings = _draw(sprites, place, frame, side)
        images = {
            kind: ((layer + ground * (1 - cover)) * np.float32(255) + np.float32(0.5)).astype(
                np.uint8
            )
            for kind, ground in under.items()
        }
        yield Shot(images, mask, sightings)
        place += velocity
        low, high = sprites.radius[:, None], side - sprites.radius[:, None]
        velocity[(place < low) | (place > high)] *= -1
        place = np.where(place < low, 2 * low - place, place)
        place = np.where(place > high, 2 * high - place, place)


def _ground(
    kind: Background, footage: SpritesFootage, clip: int
) -> Float32[np.ndarray, "side side 3"]:
    side = footage.size_px
    if kind == "leaves":
        return dead_leaves(side, np.random.default_rng([footage.seed, clip, _LEAVES_STREAM]))
    if kind == "gradient":
        rng = np.random.default_rng([footage.seed, clip, _GROUND_STREAM])
        return gradient((side, side), rng, _GRADIENT_LEVELS)
    return np.zeros((side, side, 3), dtype=np.float32)


def _draw(
    sprites: Sprites, place: Float64[np.ndarray, "n 2"], frame: int, side: int
) -> tuple[
    Float32[np.ndarray, "h w 3"],
    Float32[np.ndarray, "h w 1"],
    Int32[np.ndarray, "h w"],
    tuple[Sighting, ...],
]:
    """Colour by its share of each pixel, that share, ids, and the truth.

    A pixel is a sprite's if at least half of its samples see that sprite, alone or among others;
    of two with half each it is the rearmost's.
    """
    fine = side * _SAMPLES
    owner = np.full((fine, fine), -1)
    colour = np.zeros((fine, fine, 3), dtype=np.float32)
    at = (np.arange(fine) + 0.5) / _SAMPLES
    silhouettes = []
    for k, shape in enumerate(sprites.shape):
        (x, y), reach = place[k], sprites.radius[k] + 1
        rows = slice(*np.searchsorted(at, (y - reach, y + reach)))
        columns = slice(*np.searchsorted(at, (x - reach, x + reach)))
        turn = sprites.angle[k] + sprites.spin[k] * frame
        dx, dy = np.meshgrid(at[columns] - x, at[rows] - y)
        u = (dx * math.cos(turn) + dy * math.sin(turn)) / sprites.radius[k]
        v = (dy * math.cos(turn) - dx * math.sin(turn)) / sprites.radius[k]
        inside = _inside(shape, u, v)
        second = inside & _pattern(sprites.texture[k], u, v)
        owner[rows, columns][inside] = k
        colour[rows, columns][inside] = sprites.colours[k, 0]
        colour[rows, columns][second] = sprites.colours[k, 1]
        alone = np.zeros((fine, fine), dtype=bool)
        alone[rows, columns] = inside
        silhouettes.append(_half(alone))
    seen = [_half(owner == k) for k in range(len(silhouettes))]
    mask = np.zeros((side, side), dtype=np.int32)
    for k in reversed(range(len(seen))):
        mask[seen[k]] = k + 1
    sightings = []
    for k, whole in enumerate(silhouettes):
        ys, xs = np.nonzero(whole)
        box = int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1
        sightings.append(Sighting(k + 1, *box, float((mask == k + 1).sum() / whole.sum())))
    cells = side, _SAMPLES, side, _SAMPLES
    cover = (owner >= 0).reshape(cells).mean((1, 3), dtype=np.float32)
    return colour.reshape(*cells, 3).mean((1, 3)), cover[..., None], mask, tuple(sightings)


def _half(samples: Inside) -> Bool[np.ndarray, "r c"]:
    """Pixels of which at least half the samples are set."""
    side = len(samples) // _SAMPLES
    counts = samples.reshape(side, _SAMPLES, side, _SAMPLES).sum((1, 3))
    return 2 * counts >= _SAMPLES**2


def _inside(shape: str, u: Places, v: Places) -> Inside:
    """Whether points lie in a shape; all shapes fit the unit circle, v points down."""
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) < math.sqrt(0.5)
    if shape == "triangle":
        return (v < 0.5) & (v > math.sqrt(3) * np.abs(u) - 1)
    if shape == "ellipse":
        return u**2 + (v / 0.55) ** 2 < 1
    if shape == "heart":  # the sextic curve (x² + y² − 1)³ = x² y³, upside down and smaller
        x, y = u * 1.3, -v * 1.3 + 0.2
        return (x**2 + y**2 - 1) ** 3 < x**2 * y**3
    return u**2 + v**2 < 1


def _pattern(texture: int, u: Places, v: Places) -> Inside:
    """Where a texture's second colour lies."""
    if texture == 1:
        return np.floor(v * 2.5) % 2 == 0
    if texture == 2:
        return (np.floor(u * 2) + np.floor(v * 2)) % 2 == 0
    if texture == 3:
        return np.floor(np.hypot(u, v) * 3) % 2 == 1
    return np.zeros(u.shape, dtype=bool)


def make_sprites(
    folder: Path,
    footage: SpritesFootage,
    *,
    only: Callable[[int], bool] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> SequencesReport:
    """Make the data set `footage` in `folder`, or what is still missing of it.

    As `lib.worlds.plaza.make_plaza` does, with sequences named ``sprites<clip>-<background>``.
    """
    clips = [
        Clip(f"sprites{number:05d}", (number,))
        for number in range(footage.clips)
        if only is None or only(number)
    ]
    return make_sequences(folder, WORLD, footage, clips, workers=workers, progress=progress)


def load_settings(folder: Path) -> SpritesFootage | None:
    """The settings with which `make_sprites` made `folder`, or None if it did not.

    Raises `ValueError` for settings of another world or version, and for damaged ones.
    """
    found = read_settings(folder, WORLD.name)
    if found is None:
        return None
    try:
        lists = {name: tuple(found[name]) for name in ("shapes", "backgrounds")}
        return SpritesFootage(**{**found, **lists})
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{folder / SETTINGS_FILE} lacks settings ({error}); delete the folder {folder}"
        ) from error


def _describe(footage: SpritesFootage, clip: int) -> dict[str, Any]:
    """Number and shapes of a clip, by id."""
    return {"clip": clip, "shapes": list(plan_clip(footage, clip).shape)}


def _warm_up() -> None:
    """Nothing needs compiling."""


WORLD = World("sprites", render_clip, _describe, _warm_up)
