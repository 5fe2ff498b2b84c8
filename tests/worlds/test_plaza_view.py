"""Pictures of the plaza and their truth: masks, boxes, visibility, ids, backgrounds, contrast."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lib.worlds.plaza.body import pose
from lib.worlds.plaza.figure import topology
from lib.worlds.plaza.ground import make_background
from lib.worlds.plaza.scene import make_scene
from lib.worlds.plaza.settings import BACKGROUNDS, PlazaFootage
from lib.worlds.plaza.truth import Shot, Sighting
from lib.worlds.plaza.view import plan_clip, render_clip

FOOTAGE = PlazaFootage(
    seed=7, scenes=3, clips=1, frames=5, size_px=48, people=9, backgrounds=BACKGROUNDS, view_m=7.0
)


@pytest.fixture(scope="module")
def shots() -> list[Shot]:
    return [shot for scene in range(3) for shot in render_clip(FOOTAGE, scene, 0)]


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1


def _inside(one: Sighting, size: int = FOOTAGE.size_px) -> bool:
    return min(one.left, one.top) >= 0 and max(one.left + one.width, one.top + one.height) <= size


def test_the_same_seed_gives_the_same_pixels(shots: list[Shot]) -> None:
    again = list(render_clip(FOOTAGE, 1, 0))
    for one, other in zip(shots[5:10], again, strict=True):
        assert one.sightings == other.sightings
        np.testing.assert_array_equal(one.mask, other.mask)
        for kind in BACKGROUNDS:
            np.testing.assert_array_equal(one.images[kind], other.images[kind])
    other = next(render_clip(replace(FOOTAGE, seed=8), 1, 0))
    assert (other.images["hard"] != shots[5].images["hard"]).any()


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_share_people_masks_and_boxes(shots: list[Shot], kind: str) -> None:
    """Filmed over one background alone, a clip is what it is beside the others."""
    alone = next(render_clip(replace(FOOTAGE, backgrounds=(kind,)), 0, 0))
    assert alone.sightings == shots[0].sightings
    np.testing.assert_array_equal(alone.mask, shots[0].mask)
    np.testing.assert_array_equal(alone.images[kind], shots[0].images[kind])


def test_people_look_alike_over_all_backgrounds(shots: list[Shot]) -> None:
    """Where a person fills the pixel, nothing of the background shows."""
    spread = []
    for shot in shots:
        covered = np.pad(shot.mask > 0, 1)
        whole = np.ones_like(shot.mask, dtype=bool)
        for dy, dx in np.ndindex(3, 3):
            whole &= covered[dy : dy + 48, dx : dx + 48]
        pictures = np.stack([shot.images[kind][whole] for kind in BACKGROUNDS]).astype(int)
        spread.append(np.ptp(pictures, axis=0).max(axis=1))
    assert len(np.concatenate(spread)) > 40
    assert (np.concatenate(spread) <= 1).mean() > 0.9


def test_a_whole_persons_box_is_the_extent_of_the_mask(shots: list[Shot]) -> None:
    checked = 0
    for shot in shots:
        for one in shot.sightings:
            mask = shot.mask == one.id
            if one.visibility == 1.0:
                assert _inside(one)
                assert _extent(mask) == tuple(one[1:5])
                checked += 1
            elif mask.any():
                left, top, width, height = _extent(mask)
                assert left >= one.left
                assert top >= one.top
                assert left + width <= one.left + one.width
                assert top + height <= one.top + one.height
        assert set(np.unique(shot.mask)) - {0} <= {one.id for one in shot.sightings}
    assert checked > 20


def test_boxes_reach_beyond_the_picture(shots: list[Shot]) -> None:
    cut = [one for shot in shots for one in shot.sightings if not _inside(one)]
    assert len(cut) > 3
    assert all(one.visibility < 1 for one in cut)
    whole = [one for shot in shots for one in shot.sightings if _inside(one)]
    assert np.median([one.height for one in cut]) > 0.7 * np.median([one.height for one in whole])


def _slow_owners(footage: PlazaFootage, scene: int, frame: int) -> np.ndarray:
    """Which samples each person covers, and how near: [person, row, column], triangle by triangle.

    Samples reach a third of the picture beyond it on all sides.
    """
    motion, place = plan_clip(footage, scene, 0), make_scene(footage, scene)
    moment = motion.moments[frame]
    vertices = pose(motion.cast.of(moment.who), moment, 6).vertices
    side, border = footage.size_px, footage.size_px // 3
    k = footage.supersample
    at = (np.arange((side + 2 * border) * k) + 0.5) / k - border
    near = np.zeros((len(vertices), len(at), len(at)))
    for p, corners in enumerate(vertices):
        points = np.column_stack([corners, np.ones(len(corners))]) @ place.camera.matrix.T
        flat, depth = points[:, :2] / points[:, 2:], points[:, 2]
        for face in topology(6).faces:
            a, b, c = flat[face]
            area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            rows = np.flatnonzero((at >= flat[face, 1].min()) & (at <= flat[face, 1].max()))
            columns = np.flatnonzero((at >= flat[face, 0].min()) & (at <= flat[face, 0].max()))
            if abs(area) < 1e-12 or len(rows) == 0 or len(columns) == 0:
                continue
            y, x = at[rows][:, None], at[columns][None]
            v = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
            w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
            inverse = (1 - v - w) / depth[face[0]] + v / depth[face[1]] + w / depth[face[2]]
            covered = np.where((v >= 0) & (w >= 0) & (v + w <= 1), inverse, 0.0)
            window = np.ix_([p], rows, columns)
            near[window] = np.maximum(near[window], covered[None])
    return near


def test_visibility_against_a_slow_count() -> None:
    footage = replace(FOOTAGE, size_px=30, view_m=5.0, frames=2)
    scene = 0
    shots = list(render_clip(footage, scene, 0))
    names: dict[int, int] = {}
    found = 0
    for frame, shot in enumerate(shots):
        near = _slow_owners(footage, scene, frame)
        cells = (len(near), near.shape[1] // 2, 2, near.shape[2] // 2, 2)
        alone = 2 * (near > 0).reshape(cells).sum((2, 4)) >= 4
        first = (near == near.max(axis=0)) & (near > 0)
        seen = 2 * first.reshape(cells).sum((2, 4)) >= 4
        seen[:, :10], seen[:, 40:], seen[:, :, :10], seen[:, :, 40:] = False, False, False, False
        truth = {one.id: one for one in shot.sightings}
        for p, who in enumerate(plan_clip(footage, scene, 0).moments[frame].who.tolist()):
            if not alone[p, 10:40, 10:40].any():
                continue
            names.setdefault(who, len(names) + 1)
            rows, columns = np.nonzero(alone[p])
            if min(rows.min(), columns.min()) == 0 or max(rows.max(), columns.max()) == 49:
                continue  # beyond what was counted here
            one = truth[names[who]]
            left, top, width, height = _extent(alone[p])
            assert (left - 10, top - 10, width, height) == tuple(one[1:5])
            # where two people have half a pixel each, either may have it
            assert one.visibility == pytest.approx(
                seen[p].sum() / alone[p].sum(), abs=2.5 / alone[p].sum()
            )
            found += 1
    assert found >= 6
    assert any(0.05 < one.visibility < 0.95 for shot in shots for one in shot.sightings)


def test_ids_are_unique_and_stay_with_their_people(shots: list[Shot]) -> None:
    for scene in range(3):
        film = shots[5 * scene : 5 * scene + 5]
        ids = sorted({one.id for shot in film for one in shot.sightings})
        assert ids == list(range(1, len(ids) + 1))
        for before, after in pairwise(film):
            here, there = ({one.id: one for one in shot.sightings} for shot in (before, after))
            assert len(there) == len(after.sightings)
            both = here.keys() & there.keys()
            assert len(both) > 0.6 * len(here)
            for number in both:
                one, two = here[number], there[number]
                foot = abs(one.top + one.height - two.top - two.height)
                middle = abs(one.left + one.width / 2 - two.left - two.width / 2)
                assert max(foot, middle) <= 4
        assert [one.id for one in film[0].sightings] == list(range(1, len(film[0].sightings) + 1))


def test_people_stand_out_on_black() -> None:
    """Everybody is well lit as a whole, and hardly a pixel of anybody is lost in the dark."""
    footage = replace(FOOTAGE, backgrounds=("black",), frames=1, scenes=6, seed=1)
    whole, dark = [], []
    for scene in range(6):
        shot = next(render_clip(footage, scene, 0))
        luminance = shot.images["black"] @ np.array([0.299, 0.587, 0.114]) / 255
        assert luminance[shot.mask == 0].max() < 0.6  # edges only
        for one in shot.sightings:
            mask = shot.mask == one.id
            if mask.sum() >= 15:
                whole.append(luminance[mask].mean())
                dark.append((luminance[mask] < 0.1).mean())
    assert len(whole) > 25
    assert min(whole) > 0.2
    assert np.mean(dark) < 0.03


def test_most_people_are_darker_than_the_gradient() -> None:
    footage = replace(FOOTAGE, backgrounds=("black", "gradient"), frames=1, scenes=8, seed=2)
    darker = []
    for scene in range(8):
        shot = next(render_clip(footage, scene, 0))
        behind = make_background("gradient", make_scene(footage, scene)).mean(2)
        people = shot.images["black"].mean(2) / 255
        masks = [shot.mask == one.id for one in shot.sightings]
        darker += [people[mask].mean() < behind[mask].mean() for mask in masks if mask.sum() >= 15]
    assert len(darker) > 25
    assert np.mean(darker) > 0.8


def test_backgrounds_are_what_they_are_called() -> None:
    scene = make_scene(FOOTAGE, 0)
    black, gradient, hard, blurred = (make_background(kind, scene) for kind in BACKGROUNDS)
    assert black.max() == 0

    def roughness(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture, axis=0)).mean())

    assert roughness(gradient) < 0.02
    assert roughness(blurred) < 0.5 * roughness(hard)
    np.testing.assert_allclose(blurred.mean((0, 1)), hard.mean((0, 1)), atol=0.03)
    other = make_background("hard", make_scene(FOOTAGE, 1))
    assert np.abs(other - hard).mean() > 0.03


def test_shadows_fall_on_the_square_alone() -> None:
    with_, without = (
        next(render_clip(replace(FOOTAGE, shadows=shadows), 2, 0)) for shadows in (True, False)
    )
    for kind in ("black", "gradient"):
        np.testing.assert_array_equal(with_.images[kind], without.images[kind])
    change = with_.images["hard"].astype(int) - without.images["hard"]
    assert change.max() <= 0
    assert (change[with_.mask == 0] < -10).any()
    assert (change.min(axis=2) < 0).mean() < 0.5
