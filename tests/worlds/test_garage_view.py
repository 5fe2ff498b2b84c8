"""Pictures of the garage: the mask against a naive one, geometry, determinism, what may differ."""

import colorsys
import hashlib
import itertools
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.garage.arena import arena, camera
from lib.worlds.garage.cars import build_car
from lib.worlds.garage.loadout import (
    STICKERS,
    WHEELS,
    Body,
    Hat,
    Loadout,
    Team,
    Variant,
    sample_loadouts,
)
from lib.worlds.garage.materials import HAT_COLOURS, palette, team_paint
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.patterns import sticker_maps, wheel_faces, wheel_treads
from lib.worlds.garage.view import Garage, Pose, jitter

PLAIN = Loadout(Body.OCTANE, Team.BLUE, 0.2, 0.5, Hat.FEZ, 0, 3)
LOADOUTS = sample_loadouts(200, bodies=tuple(Body), seed=4)


@pytest.fixture(scope="module")
def garage():
    return Garage()


def naive_mask(loadout, rotation, size, samples):
    """At least half of the samples inside any projected triangle."""
    view = camera(rotation, size).resampled(float(samples))
    mesh = build_car(loadout.body, loadout.hat).mesh
    x, y, depth = view.matrix @ np.vstack([mesh.vertices.T, np.ones(len(mesh.vertices))])
    corners = np.stack([x / depth, y / depth], axis=-1)[mesh.faces]
    points = np.stack(np.meshgrid(*(np.arange(side) + 0.5 for side in view.size[::-1])), -1)
    inside = np.zeros(view.size, dtype=bool)
    for a, b, c in corners:
        sides = []
        for p, q in ((a, b), (b, c), (c, a)):
            edge, away = q - p, points - p
            sides.append(edge[0] * away[..., 1] - edge[1] * away[..., 0])
        low, high = np.min(sides, axis=0), np.max(sides, axis=0)
        inside |= ((low >= 0) | (high <= 0)) & (high > low)
    h, w = size
    return 2 * inside.reshape(h, samples, w, samples).sum(axis=(1, 3)) >= samples**2


@pytest.mark.parametrize(("which", "rotation"), [(0, 0), (1, 3), (2, 6), (3, 8)])
def test_mask_is_the_projected_triangles(which, rotation):
    size = (48, 128)
    loadout = LOADOUTS[which]
    mask = Garage(size=size).mask(loadout, rotation)
    naive = naive_mask(loadout, rotation, size, 2)
    assert 300 < naive.sum() < 4000
    assert (mask != naive).sum() <= 3  # samples on an edge


def test_same_bytes_whatever_came_before():
    first, second = Garage(), Garage()
    second.render(LOADOUTS[5], 2, jitter(Variant.HARD, np.random.default_rng(1)), noise_seed=9)
    for rotation in (0, 7):
        a = first.render(PLAIN, rotation, noise_seed=3)
        np.testing.assert_array_equal(a, second.render(PLAIN, rotation, noise_seed=3))
    assert (first.mask(PLAIN, 0) == second.mask(PLAIN, 0)).all()


def test_same_bytes_in_another_process(garage):
    code = (
        "import hashlib\n"
        "from lib.worlds.garage.loadout import sample_loadouts, Body\n"
        "from lib.worlds.garage.view import Garage, Pose\n"
        "loadout = sample_loadouts(200, bodies=tuple(Body), seed=4)[11]\n"
        "image = Garage().render(loadout, 4, Pose(yaw_rad=0.1, scale=1.1), noise_seed=5)\n"
        "print(hashlib.sha256(image.tobytes()).hexdigest())\n"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    image = garage.render(LOADOUTS[11], 4, Pose(yaw_rad=0.1, scale=1.1), noise_seed=5)
    assert other.stdout.strip() == hashlib.sha256(image.tobytes()).hexdigest()


def test_noise_is_about_a_level(garage):
    a, b = (garage.render(PLAIN, 2, noise_seed=seed).astype(int) for seed in (1, 2))
    inside = (a > 10) & (a < 245)
    difference = (a - b)[inside]
    assert abs(difference.mean()) < 0.05
    assert 1.2 < difference.std() < 2.6


def test_background_depends_on_the_rotation_only(garage):
    for rotation in range(10):
        images = [garage.render(loadout, rotation, noise_seed=4) for loadout in LOADOUTS[:3]]
        for image in images[1:]:
            # beside the car; further down shadows differ
            for side in (slice(0, 30), slice(370, 400)):
                np.testing.assert_array_equal(image[:70, side], images[0][:70, side])
    pictures = [arena(rotation, (150, 400)) for rotation in range(10)]
    for a, b in itertools.combinations(pictures, 2):
        assert np.abs(a.astype(int) - b).mean() > 3


def test_next_rotation_is_the_car_turned_by_36_degrees(garage):
    for rotation in (0, 4, 8):
        turned = garage.mask(LOADOUTS[rotation], rotation, Pose(yaw_rad=2 * math.pi / 10))
        following = garage.mask(LOADOUTS[rotation], rotation + 1)
        assert (turned != following).sum() <= 3


def test_pose_moves_the_car_as_the_camera_projects(garage):
    """Rotation 1 looks at the car's front, so its left is to the right of the picture."""
    view = camera(1, (150, 400))
    loadout = replace(PLAIN, hat=Hat.NONE)
    columns = np.arange(400)
    centres = [
        (garage.mask(loadout, 1, Pose(dy=dy)).sum(axis=0) * columns).sum()
        / garage.mask(loadout, 1, Pose(dy=dy)).sum()
        for dy in (0.0, 0.2)
    ]
    wanted = 0.2 * view.focal_samples / np.linalg.norm(view.eye[:2])
    assert centres[1] - centres[0] == pytest.approx(wanted, rel=0.25)
    areas = [garage.mask(loadout, 3, Pose(scale=scale)).sum() for scale in (0.8, 1.0)]
    assert areas[0] / areas[1] == pytest.approx(0.64, rel=0.08)
    nearer = garage.mask(loadout, 1, Pose(dx=0.3)).sum()
    assert nearer > 1.05 * garage.mask(loadout, 1).sum()


def test_brightness_multiplies(garage):
    plain = garage.render(PLAIN, 5, noise_seed=1).astype(float)
    dark = garage.render(PLAIN, 5, Pose(brightness=0.5), noise_seed=1)
    inside = (plain > 20) & (plain < 235)
    assert np.abs(dark - 0.5 * plain)[inside].mean() < 1.2


def test_shading_once_a_part_is_close_to_shading_every_sample():
    """Twice the size at one sample a pixel shades every sample; its means are the reference."""
    usual, fine = Garage(size=(120, 320)), Garage(size=(240, 640), supersample=1)
    for loadout, rotation in ((LOADOUTS[0], 1), (LOADOUTS[1], 4), (LOADOUTS[2], 7)):
        image = usual.render(loadout, rotation, noise_seed=0).astype(float)
        every = fine.render(loadout, rotation, noise_seed=0).astype(float)
        mean = every.reshape(120, 2, 320, 2, 3).mean(axis=(1, 3))
        mask = usual.mask(loadout, rotation)
        assert (mask == usual.mask(loadout, rotation)).all()
        assert np.abs(image - mean)[mask].mean() < 6


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(LOADOUTS), st.integers(0, 9), st.integers(0, 2**32))
def test_any_car_fills_its_place(loadout, rotation, seed):
    garage = Garage(size=(75, 200))
    pose = jitter(Variant.HARD, np.random.default_rng(seed))
    mask = garage.mask(loadout, rotation, pose)
    assert 0.05 < mask.mean() < 0.5
    assert mask[:, 75:125].any()
    image = garage.render(loadout, rotation, pose, noise_seed=seed)
    assert image.shape == (75, 200, 3)
    assert image[mask].std() > 5


def test_paint_shows_only_on_the_car(garage):
    other = replace(PLAIN, primary_colour=0.9)
    a, b = (garage.render(loadout, 3, noise_seed=1) for loadout in (PLAIN, other))
    covered = garage.mask(PLAIN, 3)
    changed = np.abs(a.astype(int) - b).max(axis=2) > 12
    assert changed.sum() > 1500
    grown = covered.copy()  # pixels covered by less than half change, too
    for shift in (-1, 1):
        for axis in (0, 1):
            grown |= np.roll(covered, shift, axis)
    assert not (changed & ~grown).any()


def test_jitter_of_the_variants(garage):
    still = garage.mask(PLAIN, 0)
    overlaps = {}
    for variant in Variant:
        rng = np.random.default_rng(2)
        poses = [jitter(variant, rng) for _ in range(12)]
        assert poses[0] == jitter(variant, np.random.default_rng(2))
        masks = [garage.mask(PLAIN, 0, pose) for pose in poses]
        overlaps[variant] = [(still & mask).sum() / (still | mask).sum() for mask in masks]
    assert min(overlaps[Variant.FAITHFUL]) > 0.94
    assert np.mean(overlaps[Variant.HARD]) < 0.85
    scales = [jitter(Variant.HARD, np.random.default_rng(seed)).scale for seed in range(300)]
    assert 0.86 < min(scales) < 0.89
    assert 1.13 < max(scales) < 1.16


def test_stickers_wheels_and_hats_are_told_apart():
    maps = [sticker_maps(body, k).astype(int) for body in Body for k in range(1, STICKERS[body])]
    for a, b in itertools.combinations(maps, 2):
        assert (np.abs(a - b) > 128).mean() > 0.05
    for body in Body:
        assert not sticker_maps(body, 0).any()
    faces, treads = wheel_faces().astype(int), wheel_treads().astype(int)
    for a, b in itertools.combinations(range(WHEELS), 2):
        assert np.abs(faces[a] - faces[b]).mean() > 5
    assert treads.shape[0] == WHEELS
    assert len(set(HAT_COLOURS.values())) == len(Hat)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1))
def test_teams_keep_their_range_of_hues(slider):
    blue = colorsys.rgb_to_hsv(*team_paint(Team.BLUE, slider))[0]
    orange = colorsys.rgb_to_hsv(*team_paint(Team.ORANGE, slider))[0]
    assert 0.40 < blue < 0.78  # green to purple
    assert orange < 0.145 or orange > 0.86  # yellow to pink


def test_palette_follows_the_loadout():
    rows = palette(PLAIN)
    assert rows.shape == (len(Material), 6)
    assert rows[Material.PAINT, :3] == pytest.approx(team_paint(Team.BLUE, 0.2))
    assert rows[Material.HAT, :3] == pytest.approx(HAT_COLOURS[Hat.FEZ][0])
    assert (rows >= 0).all()
    assert (rows <= 1).all()


def test_user_mistakes_are_named(garage):
    with pytest.raises(ValueError, match="rotation is 10; choose one from 0 to 9"):
        garage.render(PLAIN, 10, noise_seed=0)
    with pytest.raises(ValueError, match=r"size is \(4, 400\)"):
        Garage(size=(4, 400))
    with pytest.raises(ValueError, match="supersample is 0; choose a whole number from 1 to 8"):
        Garage(supersample=0)
    with pytest.raises(ValueError, match=r"scale is -1\.0 and brightness 1\.0"):
        Pose(scale=-1.0)
    with pytest.raises(ValueError, match="sticker is 3, but octane has 3"):
        sticker_maps(Body.OCTANE, 3)
