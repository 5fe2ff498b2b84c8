"""Features: one grid for all maps and scales, and the projection that avoids the large sum."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import (
    batches,
    check_frames,
    evenly,
    feature_maps,
    grid_size,
    on_grid,
    projected,
)
from lib.evaluation.segmentation.postprocess import fit_projection
from tests.evaluation.segmentation.pictures import QUICK, moving_blocks, two_maps


def test_maps_of_all_scales_are_concatenated_on_one_grid():
    frames, _ = moving_blocks(2)
    maps = feature_maps(two_maps, frames, QUICK)
    assert [tuple(m.shape) for m in maps] == [
        (2, 6, 9, 16), (2, 6, 4, 8), (2, 6, 18, 32), (2, 6, 9, 16),
    ]  # fmt: skip
    grid = on_grid(maps, (9, 16))
    assert grid.shape == (2, 24, 9, 16)
    assert torch.equal(grid[:, :6], maps[0])  # as fine as the grid: untouched
    assert torch.equal(grid[:, 12:18], F.avg_pool2d(maps[2], 2))  # finer: every value counts


def pyramid(images):
    """What a network without padding sees: means of 4 x 4 and of 8 x 8 pixels."""
    return [F.avg_pool2d(images, side, ceil_mode=True) for side in (4, 8)]


@pytest.mark.parametrize("margin", [8, 32])
def test_a_margin_is_mirrored_and_cut_off_again(margin):
    """Where no cell looks beyond its own pixels, the margin changes nothing."""
    frames, _ = moving_blocks(1)
    with_margin, without = (
        SegmentationConfig(scales=(1.0,), balance=False, margin_px=px) for px in (margin, 0)
    )
    for cut, plain in zip(
        feature_maps(pyramid, frames, with_margin), feature_maps(pyramid, frames, without),
        strict=True,
    ):  # fmt: skip
        assert cut.shape == plain.shape
        assert torch.allclose(cut[..., :4, :], plain[..., :4, :], atol=1e-6)
    seen = []

    def trunk(images):
        seen.append(images)
        return [images]

    [back] = feature_maps(trunk, frames, with_margin)
    assert seen[0].shape[2:] == (36 + 2 * margin, 64 + 2 * margin)
    assert torch.equal(seen[0][:, :, :margin].flip(2), seen[0][:, :, margin + 1 : 2 * margin + 1])
    assert torch.allclose(back, torch.from_numpy(frames).permute(0, 3, 1, 2) / 255)


def test_a_margin_is_never_wider_than_the_frame():
    frames = np.zeros((1, 5, 9, 3), np.uint8)
    config = SegmentationConfig(scales=(1.0,), margin_px=32)
    [back] = feature_maps(lambda x: [x], frames, config)
    assert back.shape == (1, 3, 5, 9)


def test_balanced_maps_are_unit_vectors_and_others_are_not():
    frames, _ = moving_blocks(1)
    balanced = feature_maps(two_maps, frames, QUICK)[0]
    plain = feature_maps(
        two_maps, frames, SegmentationConfig(scales=(0.5,), balance=False, margin_px=0)
    )[0]
    assert torch.allclose(balanced.norm(dim=1), torch.ones(1, 9, 16))
    assert torch.allclose(balanced, F.normalize(plain, dim=1))


def test_images_reach_the_trunk_in_0_to_1_without_gradients():
    seen = []

    def trunk(images):
        seen.append(images)
        return [images]

    frames = np.zeros((1, 4, 6, 3), np.uint8)
    frames[0, 1, 2] = (255, 51, 0)
    feature_maps(trunk, frames, SegmentationConfig(scales=(1.0,), margin_px=0))
    assert seen[0].dtype == torch.float32
    assert torch.allclose(seen[0][0, :, 1, 2], torch.tensor([1, 0.2, 0]))
    assert torch.is_grad_enabled()


def test_projecting_small_maps_equals_projecting_the_concatenation(generator):
    maps = [torch.randn(2, d, y, x, generator=generator) for d, y, x in [(3, 2, 3), (4, 9, 7)]]
    mean = torch.randn(7, generator=generator)
    basis = torch.randn(5, 7, generator=generator)
    grid = on_grid(maps, (4, 6))
    wanted = torch.einsum("kd,bdyx->bkyx", basis, grid - mean[:, None, None])
    assert torch.allclose(projected(maps, (4, 6), mean, basis), wanted, atol=1e-5)


def test_a_projection_for_another_trunk_is_refused():
    with pytest.raises(ValueError, match="gives 3 features a pixel, but .* made for 4"):
        projected([torch.zeros(1, 3, 2, 2)], (2, 2), torch.zeros(4), torch.zeros(2, 4))


@pytest.mark.parametrize(
    ("trunk", "message"),
    [
        (lambda x: [], "gave no feature map"),
        (lambda x: [x[0]], r"gave \[3, 36, 64\] for 1 frames"),
        (lambda x: [x / 0], "NaN or infinity at scale 1.0"),
    ],
)
def test_a_broken_trunk_is_named(trunk, message):
    frames, _ = moving_blocks(1)
    with pytest.raises(ValueError, match=message):
        feature_maps(trunk, frames, SegmentationConfig(scales=(1.0,), margin_px=0))


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        check_frames(np.zeros((0, 4, 4, 3), np.uint8))


@given(st.integers(1, 50), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_even_choices_are_different_rising_and_within(count, wanted):
    chosen = evenly(count, wanted)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, wanted)
    assert 0 <= chosen[0] <= chosen[-1] < count


@given(st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_batches_cover_everything_once(count, size):
    parts = list(batches(count, size))
    assert [i for part in parts for i in range(count)[part]] == list(range(count))
    assert max(part.stop - part.start for part in parts) <= size


def test_the_grid_covers_the_whole_frame():
    assert grid_size((144, 256), 4) == (36, 64)
    assert grid_size((5, 9), 4) == (2, 3)


def test_whitened_components_have_unit_variance_and_no_correlation(rng):
    sample = (rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) + 3).astype(np.float32)
    projection = fit_projection(sample, components=4, whiten=True, l2=False, seed=0)
    covariance = np.cov(projection(sample).T)
    assert np.allclose(covariance, np.eye(4), atol=1e-2)
    assert np.allclose(projection(sample).mean(0), 0, atol=1e-3)


def test_components_capture_the_variance_that_eigenvectors_do(rng):
    sample = (rng.normal(size=(400, 30)) * np.linspace(5, 0.1, 30)).astype(np.float32)
    projection = fit_projection(sample, components=3, whiten=False, l2=False, seed=0)
    _, vectors = np.linalg.eigh(np.cov(sample.T))
    assert np.allclose(projection.basis @ projection.basis.T, np.eye(3), atol=1e-5)
    captured, best = (
        np.var((sample - sample.mean(0)) @ basis, axis=0).sum()
        for basis in (projection.basis.T, vectors[:, -3:])
    )
    assert 0.99 * best < captured < 1.001 * best


def test_unit_length_and_the_features_left_as_they_are(rng):
    sample = rng.normal(2, 3, (50, 4)).astype(np.float32)
    unit = fit_projection(sample, components=2, whiten=False, l2=True, seed=0)(sample)
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    plain = fit_projection(sample, components=None, whiten=False, l2=False, seed=0)(sample)
    assert np.allclose(plain, sample - sample.mean(0), atol=1e-5)
    each = fit_projection(sample, components=None, whiten=True, l2=False, seed=0)(sample)
    assert np.allclose(each.std(0), 1, atol=1e-5)


def test_equal_rows_and_few_directions_do_not_blow_up(rng):
    same = np.full((20, 5), 7, np.float32)
    assert np.array_equal(
        fit_projection(same, components=3, whiten=True, l2=True, seed=0)(same), np.zeros((20, 1))
    )
    line = (rng.normal(size=(40, 1)) * np.ones((1, 5))).astype(np.float32)
    projection = fit_projection(line, components=4, whiten=True, l2=False, seed=0)
    assert projection.basis.shape == (1, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": ()}, "scales=\\(\\): want at least one"),
        ({"scales": (0.0,)}, "all above 0"),
        ({"reduction": "tsne"}, "reduction='tsne': choose among 'umap', 'pca', 'none'"),
        ({"clustering": "dbscan"}, "choose among 'hdbscan', 'kmeans'"),
        ({"fit_pixels": 0}, "fit_pixels=0: want at least 4"),
        ({"components": 0}, "components=0: want at least 1"),
        ({"min_cluster_share": 0.7}, "want 0 < share < 0.5"),
        ({"clean_up_contrast": 0.0}, "clean_up_contrast=0.0"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(change, message):
    config = SegmentationConfig()
    for name, value in change.items():
        object.__setattr__(config, name, value)  # the type checks of tests would come first
    with pytest.raises(ValueError, match=message):
        config.__post_init__()


def test_presets_grow():
    tiny, small, full = (SegmentationConfig.preset(name) for name in ("tiny", "small", "full"))
    assert tiny.fit_pixels < small.fit_pixels < full.fit_pixels
    assert tiny.min_cluster_pixels == 120
