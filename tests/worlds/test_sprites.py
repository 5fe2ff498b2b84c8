"""Sprites: shapes, truth against a slow count, bouncing, densities, files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.files import digest
from lib.worlds.plaza.truth import Shot
from lib.worlds.sprites import (
    SHAPES,
    SpritesFootage,
    _inside,
    load_settings,
    make_sprites,
    plan_clip,
    render_clip,
)

FOOTAGE = SpritesFootage(
    seed=3, clips=4, frames=6, size_px=32, shapes=SHAPES, backgrounds=("gradient", "black")
)


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest([path]) for path in files}


@pytest.fixture(scope="module")
def dense() -> list[Shot]:
    footage = replace(FOOTAGE, density="dense", textured=True, turning=True, size_px=48)
    return list(render_clip(footage, 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_fit_the_unit_circle_and_nearly_touch_it(shape: str) -> None:
    at = np.linspace(-1.5, 1.5, 601)
    u, v = np.meshgrid(at, at)
    inside = _inside(shape, u, v)
    away = np.hypot(u, v)[inside].max()
    assert 0.9 < away <= 1.0
    assert inside[300, 300]
    assert (inside != inside[:, ::-1]).mean() < 1e-3  # upright


def test_boxes_masks_and_visibility_against_each_other(dense: list[Shot]) -> None:
    hidden = 0
    for shot in dense:
        assert [one.id for one in shot.sightings] == list(range(1, len(shot.sightings) + 1))
        assert 12 <= len(shot.sightings) <= 20
        for one in shot.sightings:
            assert min(one.left, one.top) >= 0
            assert max(one.left + one.width, one.top + one.height) <= 48
            ys, xs = np.nonzero(shot.mask == one.id)
            if one.visibility == 1:
                extent = xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1
                assert extent == tuple(one[1:5])
            else:
                hidden += 1
                assert len(xs) < one.width * one.height
    assert hidden > 5


def test_visibility_against_a_slow_count() -> None:
    """Sample by sample, sprite by sprite."""
    footage = replace(FOOTAGE, density="medium", frames=1)
    for clip in (2,):
        sprites, shot = plan_clip(footage, clip), next(render_clip(footage, clip))
        count = len(sprites.shape)
        alone, seen = np.zeros((count, 32, 32)), np.zeros((count, 32, 32))
        for row, column in np.ndindex(32, 32):
            for sample in range(16):
                x, y = column + (sample % 4 + 0.5) / 4, row + (sample // 4 + 0.5) / 4
                foremost = -1
                for k in range(count):
                    u, v = np.array([[x], [y]]) - sprites.place[k][:, None]
                    r = sprites.radius[k]
                    if (
                        np.hypot(u, v)[0] < r
                        and _inside(sprites.shape[k], u[None] / r, v[None] / r).item()
                    ):
                        alone[k, row, column] += 1
                        foremost = k
                if foremost >= 0:
                    seen[foremost, row, column] += 1
        for k, one in enumerate(shot.sightings):
            whole = (alone[k] >= 8).sum()
            ties = (seen[k] == 8).sum()
            share = (seen[k] >= 8).sum() / whole
            assert share - ties / whole - 1e-9 <= one.visibility <= share + 1e-9


def test_sprites_move_as_planned_and_bounce() -> None:
    footage = replace(FOOTAGE, frames=40, shapes=("disc",))
    shots = list(render_clip(footage, 0))
    centres = np.array(
        [[(s.left + s.width / 2, s.top + s.height / 2) for s in shot.sightings] for shot in shots]
    )
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=2)
    pace = np.linalg.norm(plan_clip(footage, 0).velocity, axis=1)
    assert steps.max() < pace.max() + 1.5
    assert ((pace >= 0.016 * 32) & (pace <= 0.047 * 32)).all()
    assert np.ptp(centres, axis=0).max(axis=1).min() > 5  # everything gets about


def test_the_same_seed_gives_the_same_pixels_over_both_backgrounds() -> None:
    both = next(render_clip(FOOTAGE, 2))
    for kind in ("black", "gradient"):
        alone = next(render_clip(replace(FOOTAGE, backgrounds=(kind,)), 2))
        np.testing.assert_array_equal(alone.images[kind], both.images[kind])
        np.testing.assert_array_equal(alone.mask, both.mask)
        assert alone.sightings == both.sightings
    assert both.images["black"][both.mask == 0].max() < 200
    assert (both.images["gradient"][0, 0] > 0).all()
    bright = both.images["black"].max(axis=2)
    assert np.median(bright[both.mask > 0]) > 200
    other = next(render_clip(replace(FOOTAGE, seed=4), 2))
    assert (other.images["black"] != both.images["black"]).any()


def test_leaves_lie_still_under_the_same_sprites() -> None:
    shots = list(render_clip(replace(FOOTAGE, backgrounds=("black", "leaves")), 2))
    free = np.all([shot.images["black"].max(axis=2) == 0 for shot in shots], axis=0)
    under = np.stack([shot.images["leaves"] for shot in shots])[:, free]
    assert free.mean() > 0.3
    assert (under == under[0]).all()
    assert under[0].std() > 40  # of 255
    inside = (shots[0].mask == 1) & (shots[0].images["black"].max(axis=2) == 255)
    np.testing.assert_array_equal(
        shots[0].images["leaves"][inside], shots[0].images["black"][inside]
    )


def test_texture_changes_colours_alone() -> None:
    plain, textured = (
        next(render_clip(replace(FOOTAGE, textured=textured), 1)) for textured in (False, True)
    )
    np.testing.assert_array_equal(plain.mask, textured.mask)
    assert plain.sightings == textured.sightings
    changed = (plain.images["black"] != textured.images["black"]).any(axis=2)
    assert 0.1 < changed[plain.mask > 0].mean() < 0.9


@pytest.mark.parametrize(("density", "low", "high"), [("sparse", 2, 4), ("medium", 5, 9)])
def test_densities(density: Any, low: int, high: int) -> None:
    footage = replace(FOOTAGE, density=density, clips=40)
    counts = [len(plan_clip(footage, clip).shape) for clip in range(40)]
    assert (min(counts), max(counts)) == (low, high)


def test_sequences_are_written_and_kept(tmp_path: Path) -> None:
    footage = replace(FOOTAGE, clips=2, frames=2)
    report = make_sprites(tmp_path, footage, workers=1, progress=False)
    assert (report.made, report.kept, report.frames) == (4, 0, 8)
    names = [f"sprites{clip:05d}-{kind}" for clip in (0, 1) for kind in ("black", "gradient")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["footage.json", *names]
    shot = next(render_clip(footage, 1))
    folder = tmp_path / "sprites00001-gradient"
    with Image.open(folder / "img1" / "000001.png") as image:
        np.testing.assert_array_equal(np.asarray(image), shot.images["gradient"])
    with Image.open(folder / "masks" / "000001.png") as image:
        np.testing.assert_array_equal(np.asarray(image) % 1000, shot.mask)
    table = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",")
    assert sorted(set(table[:, 0])) == [1, 2]
    told = json.loads((folder / "metadata.json").read_text())
    assert told["shapes"] == list(plan_clip(footage, 1).shape)
    assert load_settings(tmp_path) == footage
    assert load_settings(tmp_path / "nothing") is None
    before = _hashes(tmp_path)
    (folder / "gt" / "gt.txt").unlink()
    report = make_sprites(tmp_path, footage, workers=1, progress=False)
    assert (report.made, report.kept) == (1, 3)
    assert _hashes(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": 0}, "clips must be from 1 to 100000, not 0"),
        ({"size_px": 8}, "size_px must be from 16"),
        ({"shapes": ("disc", "star")}, "shapes must be some of disc, .*, not 'disc', 'star'"),
        ({"shapes": ()}, "shapes must be some of .*, not none"),
        ({"backgrounds": ("hard",)}, "backgrounds must be some of black, gradient, .* not 'hard'"),
    ],
)
def test_bad_settings_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FOOTAGE, **change)


def test_presets_and_clips_are_checked() -> None:
    assert SpritesFootage.preset("tiny", density="dense").clips == 200
    for change, message in (
        ({"density": "full"}, "density must be one of sparse, medium, dense, not 'full'"),
        ({"backgrounds": ("pink",)}, "backgrounds must be some of black, gradient, .* not 'pink'"),
    ):
        with pytest.raises(ValueError, match=message):
            SpritesFootage.preset("tiny", **change)
    with pytest.raises(ValueError, match="preset must be one of tiny, small, full, not 'x'"):
        SpritesFootage.preset("x")
    with pytest.raises(ValueError, match="clip is 4, but the data set has 4 clips"):
        plan_clip(FOOTAGE, 4)
