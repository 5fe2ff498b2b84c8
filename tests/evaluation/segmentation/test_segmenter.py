"""Segments of a sequence: found, reproducible, bounded in memory, and honest about failure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.evaluation.segmentation.baselines import (
    colour_and_position,
    colour_kmeans,
    random_resnet34,
)
from lib.evaluation.segmentation.cleanup import guided_filter
from lib.evaluation.segmentation.imagenet import ImageNetStages, read_weights
from lib.evaluation.segmentation.probe import fit_probe, probe_frames, truth_on_grid
from lib.evaluation.segmentation.scores import (
    confusion,
    contingency,
    majority_classes,
    matched_classes,
)
from lib.evaluation.segmentation.scores import pixel_accuracy as accuracy
from lib.evaluation.segmentation.segmenter import fit_segmenter, label_frames, segment
from tests.evaluation.segmentation.pictures import QUICK, moving_blocks, two_maps

PLAIN = replace(QUICK, reduction="none", clustering="kmeans")


def matched_accuracy(predicted, truth, clusters):
    counts = contingency(predicted, truth, clusters=clusters, classes=3)
    return accuracy(confusion(counts, matched_classes(counts)))


def test_three_areas_are_found_with_umap_and_hdbscan():
    frames, truth = moving_blocks()
    result = segment(two_maps, frames, config=replace(QUICK, components=4), seed=0)
    assert result.outcome == "clusters"
    assert result.labels.shape == truth.shape
    assert result.labels.min() >= 0
    assert 3 <= result.clusters <= 15
    counts = contingency(result.labels, truth, clusters=result.clusters, classes=3)
    assert accuracy(confusion(counts, majority_classes(counts))) > 0.9
    assert set(result.seconds) == {"features", "reduce", "cluster", "label", "total"}
    assert result.segmenter.sample.embedding.shape == (576, 2)  # every cell


def test_a_sequence_is_labelled_alike_at_once_and_by_the_fitted_segmenter():
    frames, _ = moving_blocks()
    whole = segment(two_maps, frames, config=PLAIN, seed=1)
    again = segment(two_maps, frames, config=PLAIN, seed=1)
    segmenter = fit_segmenter(two_maps, frames, config=PLAIN, seed=1)
    parts = list(label_frames(two_maps, frames, segmenter))
    assert [len(part.labels) for part in parts] == [2, 2]
    assert np.array_equal(whole.labels, again.labels)
    assert (np.concatenate([p.labels for p in parts]) == whole.labels).mean() > 0.999


def test_frames_the_fit_never_saw_are_labelled_with_the_same_clusters():
    frames, truth = moving_blocks(8)
    segmenter = fit_segmenter(two_maps, frames[:3], config=PLAIN, seed=0)
    later = np.concatenate([p.labels for p in label_frames(two_maps, frames[3:], segmenter)])
    assert matched_accuracy(later, truth[3:], segmenter.clusters) > 0.85


def test_the_fit_touches_no_more_frames_than_allowed():
    frames, _ = moving_blocks(8)
    seen = []

    def trunk(images):
        seen.append(len(images))
        return two_maps(images)

    fit_segmenter(trunk, frames, config=replace(PLAIN, fit_frames=3, scales=(1.0,)), seed=0)
    assert sum(seen) == 3 + PLAIN.pca_frames
    assert max(seen) <= PLAIN.batch_frames


def test_a_blank_sequence_is_one_cluster():
    result = segment(two_maps, np.full((2, 36, 64, 3), 9, np.uint8), config=QUICK, seed=0)
    assert result.outcome == "one cluster"
    assert np.array_equal(result.labels, np.zeros((2, 36, 64)))


def test_a_sequence_of_noise_is_reported_as_such(rng):
    frames = rng.integers(0, 256, (2, 36, 64, 3), np.uint8)
    config = replace(QUICK, reduction="none", min_cluster_share=0.4, scales=(1.0,))
    result = segment(two_maps, frames, config=config, seed=0)
    assert result.outcome == "all noise"
    assert np.all(result.labels == -1)
    assert result.noise_share == 1
    assert result.segmenter.noise_share == 1


def test_unfilled_noise_is_minus_one_where_the_mask_says_so():
    frames, _ = moving_blocks()
    config = replace(QUICK, reduction="pca", min_samples=25, min_cluster_share=0.1)
    filled = segment(two_maps, frames, config=config, seed=0)
    left = segment(two_maps, frames, config=replace(config, fill_noise=False), seed=0)
    assert 0 < filled.noise_share < 0.9
    assert np.array_equal(left.labels < 0, left.noise)
    assert np.array_equal(filled.noise, left.noise)
    assert np.array_equal(filled.labels[~left.noise], left.labels[~left.noise])


def test_errors_name_what_is_missing():
    with pytest.raises(ValueError, match="give at least one frame"):
        segment(two_maps, np.zeros((0, 4, 4, 3), np.uint8), config=QUICK, seed=0)
    with pytest.raises(ValueError, match="4 pixels are too few for neighbours=12"):
        segment(two_maps, np.zeros((1, 8, 8, 3), np.uint8), config=QUICK, seed=0)


def test_colour_k_means_is_the_same_as_scikit_learns_on_the_same_numbers():
    frames, truth = moving_blocks()
    result = segment(colour_and_position, frames, config=colour_kmeans(QUICK), seed=0)
    assert result.clusters == QUICK.clusters
    assert matched_accuracy(result.labels, truth, 3) > 0.8
    values = colour_and_position(torch.rand(2, 3, 3, 5))[0]
    assert torch.allclose(values[1, 3:, 2, 1], torch.tensor([1, 0.25]))


def test_a_random_network_is_the_same_for_the_same_seed_and_leaves_the_generator_alone():
    state = torch.random.get_rng_state()
    one, two = random_resnet34(5), random_resnet34(5)
    assert torch.equal(state, torch.random.get_rng_state())
    images = torch.rand(1, 3, 64, 96)
    maps = [net(images) for net in (one, two)]
    assert [m.shape[1:] for m in maps[0]] == [(64, 16, 24), (128, 8, 12), (256, 4, 6), (512, 2, 3)]
    assert all(torch.equal(a, b) for a, b in zip(maps[0], maps[1], strict=True))
    assert not one.train().training


def test_imagenet_features_know_pretrained_weights_and_their_input_convention():
    net = ImageNetStages()
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        maps = net(images)
        whole = net.net.extract_features((255 * images - 127) / 128)
        head = net.net._swish(net.net._bn1(net.net._conv_head(maps[-1])))
    assert [m.shape[1:] for m in maps] == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]
    assert torch.allclose(head, whole, atol=1e-5)
    assert not any(p.requires_grad for p in net.parameters())


def test_changed_weights_are_not_read(monkeypatch):
    monkeypatch.setattr("lib.evaluation.segmentation.imagenet.SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="wanted 0000.*was not read"):
        read_weights()


def test_missing_weights_name_the_package(monkeypatch):
    monkeypatch.setattr("lib.evaluation.segmentation.imagenet.PACKAGE", "no_such_package")
    with pytest.raises(RuntimeError, match="is not installed. Install it with: python -m pip"):
        read_weights()


def test_a_linear_probe_learns_from_some_frames_and_labels_others():
    frames, truth = moving_blocks(6)
    unknown = truth[:3].copy()
    unknown[:, :4] = 255
    probe = fit_probe(two_maps, frames[:3], unknown, config=QUICK, seed=0)
    found = np.concatenate(list(probe_frames(two_maps, frames[3:], probe)))
    assert found.shape == (3, 36, 64)
    assert probe.names.tolist() == [0, 1, 2]
    assert (found == truth[3:]).mean() > 0.9


def test_a_probe_of_two_classes_decides_between_the_right_ones():
    frames, truth = moving_blocks(3)
    two = np.where(truth == 2, 7, 3).astype(np.uint8)
    probe = fit_probe(two_maps, frames, two, config=QUICK, seed=0)
    found = np.concatenate(list(probe_frames(two_maps, frames, probe)))
    assert (found == two).mean() > 0.9


def test_a_probe_refuses_labels_that_do_not_fit():
    frames, truth = moving_blocks(2)
    with pytest.raises(ValueError, match="truth has shape"):
        fit_probe(two_maps, frames, truth[:1], config=QUICK, seed=0)
    with pytest.raises(ValueError, match="knows the classes \\[4\\] only"):
        fit_probe(two_maps, frames, np.full_like(truth, 4), config=QUICK, seed=0)


def test_the_truth_of_a_cell_is_that_of_its_centre():
    truth = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert truth_on_grid(truth, 4).tolist() == [[18, 22], [50, 54]]


def naive_guided_filter(votes, guide, r, contrast):
    h, w = guide.shape

    def window(x, i, j):
        return x[max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]

    slope, offset = np.zeros((h, w)), np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            g, v = window(guide, i, j), window(votes, i, j)
            slope[i, j] = ((g * v).mean() - g.mean() * v.mean()) / (g.var() + contrast**2)
            offset[i, j] = v.mean() - slope[i, j] * g.mean()
    smooth = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            smooth[i, j] = window(slope, i, j).mean() * guide[i, j] + window(offset, i, j).mean()
    return smooth


def test_the_guided_filter_is_that_of_naive_loops(rng):
    votes, guide = rng.random((2, 7, 9)), rng.random((7, 9))
    ours = guided_filter(
        torch.from_numpy(votes), torch.from_numpy(guide), radius_px=2, contrast=0.1
    )
    for one, vote in zip(ours.numpy(), votes, strict=True):
        assert np.allclose(one, naive_guided_filter(vote, guide, 2, 0.1))


def test_clean_up_moves_a_border_to_the_edge_of_the_picture():
    guide = torch.zeros(20, 40)
    guide[:, 20:] = 1
    votes = torch.zeros(1, 20, 40)
    votes[:, :, 23:] = 1  # three pixels off
    cleaned = guided_filter(votes, guide, radius_px=6, contrast=0.05)[0] > 0.5
    right = (cleaned == (guide > 0.5)).float().mean()
    assert right > 0.97  # at most a column of 40 off, not three
    with pytest.raises(ValueError, match="radius_px=0"):
        guided_filter(votes, guide, radius_px=0, contrast=0.1)


def test_clean_up_makes_segments_agree_better_with_the_truth():
    frames, truth = moving_blocks()
    rough = segment(two_maps, frames, config=PLAIN, seed=0)
    clean = segment(two_maps, frames, config=replace(PLAIN, clean_up_px=3), seed=0)
    assert matched_accuracy(clean.labels, truth, 3) > matched_accuracy(rough.labels, truth, 3)
