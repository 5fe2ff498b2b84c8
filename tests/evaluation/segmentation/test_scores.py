"""Scores against naive loops, and laws they must obey."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from lib.evaluation.segmentation.scores import (
    adjusted_scores,
    boundaries,
    confusion,
    contingency,
    count_boundaries,
    count_flips,
    majority_classes,
    matched_classes,
    mean_iou,
    pixel_accuracy,
)
from lib.evaluation.segmentation.summary import count_recording, summarise
from tests.evaluation.segmentation.pictures import moving_blocks

SEEDS = st.integers(0, 10_000)


def random_labels(seed, clusters=4, classes=3, shape=(3, 6, 7)):
    rng = np.random.default_rng(seed)
    predicted = rng.integers(-1, clusters, shape).astype(np.int16)
    truth = rng.integers(0, classes, shape).astype(np.uint8)
    truth[rng.random(shape) < 0.2] = 255
    return predicted, truth


def scores_of(predicted, truth, classes, names):
    """Accuracy and mIoU by loops over pixels, clusters renamed by `names`."""
    known = [(p, t) for p, t in zip(predicted.ravel(), truth.ravel(), strict=True) if t != 255]
    renamed = [(names.get(p, -1), t) for p, t in known]
    right = sum(p == t for p, t in renamed) / len(renamed)
    ious = []
    for c in range(classes):
        if any(t == c for _, t in renamed):
            both = sum(p == c and t == c for p, t in renamed)
            ious.append(both / sum(p == c or t == c for p, t in renamed))
    return right, np.mean(ious)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_matching_one_to_one_is_the_best_of_all_pairings(seed):
    predicted, truth = random_labels(seed)
    counts = contingency(predicted, truth, clusters=4, classes=3)
    table = confusion(counts, matched_classes(counts))
    every = [
        scores_of(predicted, truth, 3, dict(zip(order, range(3), strict=True)))
        for order in permutations(range(4), 3)
    ]
    assert pixel_accuracy(table) == pytest.approx(max(accuracy for accuracy, _ in every))
    names = dict(enumerate(matched_classes(counts)[:-1]))
    accuracy, miou = scores_of(predicted, truth, 3, names)
    assert pixel_accuracy(table) == pytest.approx(accuracy)
    assert mean_iou(table) == pytest.approx(miou)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_many_to_one_takes_the_majority_and_is_never_worse(seed):
    predicted, truth = random_labels(seed)
    counts = contingency(predicted, truth, clusters=4, classes=3)
    names = {}
    for cluster in range(4):
        inside = truth[(predicted == cluster) & (truth != 255)]
        names[cluster] = int(np.bincount(inside, minlength=3).argmax())
    accuracy, miou = scores_of(predicted, truth, 3, names)
    table = confusion(counts, majority_classes(counts))
    assert pixel_accuracy(table) == pytest.approx(accuracy)
    assert mean_iou(table) == pytest.approx(miou)
    assert accuracy >= pixel_accuracy(confusion(counts, matched_classes(counts))) - 1e-12


@given(SEEDS, st.permutations(range(4)))
@settings(max_examples=15, deadline=None)
def test_names_of_clusters_do_not_matter(seed, order):
    predicted, truth = random_labels(seed)
    renamed = np.append(order, -1)[predicted].astype(np.int16)
    for choose in (matched_classes, majority_classes):
        one, two = (
            contingency(labels, truth, clusters=4, classes=3) for labels in (predicted, renamed)
        )
        assert pixel_accuracy(confusion(one, choose(one))) == pytest.approx(
            pixel_accuracy(confusion(two, choose(two)))
        )
    assert adjusted_scores(predicted, truth) == pytest.approx(adjusted_scores(renamed, truth))


def test_a_perfect_segmentation_scores_one_and_noise_scores_nothing():
    _, truth = moving_blocks()
    counts = contingency(truth.astype(np.int16), truth, clusters=3, classes=17)
    table = confusion(counts, matched_classes(counts))
    assert (pixel_accuracy(table), mean_iou(table)) == (1, 1)
    assert adjusted_scores(truth, truth) == pytest.approx((1, 1))
    nothing = np.full(truth.shape, -1, np.int16)
    counts = contingency(nothing, truth, clusters=0, classes=17)
    for choose in (matched_classes, majority_classes):
        table = confusion(counts, choose(counts))
        assert (pixel_accuracy(table), mean_iou(table)) == (0, 0)


def test_adjusted_scores_leave_unknown_pixels_out_and_sample_large_pictures(rng):
    predicted, truth = random_labels(1, shape=(4, 50, 50))
    predicted = np.where(rng.random(truth.shape) < 0.7, truth % 3, predicted).astype(np.int16)
    known = truth != 255
    ami, ari = adjusted_scores(predicted, truth)
    assert ami == pytest.approx(adjusted_mutual_info_score(truth[known], predicted[known]))
    assert ari == pytest.approx(adjusted_rand_score(truth[known], predicted[known]))
    assert adjusted_scores(predicted, truth, most_pixels=4000) == pytest.approx(
        (ami, ari), abs=0.02
    )
    assert np.isnan(adjusted_scores(predicted, np.full_like(truth, 255))).all()


@given(SEEDS, st.sampled_from([0.0, 1.0, 1.5, 2.0]))
@settings(max_examples=10, deadline=None)
def test_boundary_counts_are_those_of_naive_loops(seed, tolerance):
    predicted, truth = random_labels(seed, clusters=2, classes=2, shape=(2, 6, 7))
    rng = np.random.default_rng(seed)
    predicted[:, :, : rng.integers(1, 7)] = 0
    truth = np.where(truth == 255, 0, truth)
    truth[:, :, : rng.integers(1, 7)] = 1
    truth[0, 2, 3] = 255
    sums = np.zeros(4, int)
    for given_, true in zip(predicted, truth, strict=True):
        edges = []
        for labels in (given_, true):
            edge = set()
            for i in range(6):
                for j in range(7):
                    after = [(i + 1, j), (i, j + 1)]
                    after = [(y, x) for y, x in after if y < 6 and x < 7]
                    if true[i, j] == 255 or any(true[a] == 255 for a in after):
                        continue
                    if any(labels[a] != labels[i, j] for a in after):
                        edge.add((i, j))
            edges.append(edge)
        for k, (one, other) in enumerate((edges, edges[::-1])):
            near = sum(
                any((y - v) ** 2 + (x - u) ** 2 <= tolerance**2 for v, u in other) for y, x in one
            )
            sums[2 * k] += len(one)
            sums[2 * k + 1] += near
    counts = count_boundaries(predicted, truth, tolerance_px=tolerance)
    ours = counts.predicted, counts.predicted_near_true, counts.true, counts.true_near_predicted
    assert ours == tuple(sums)
    if sums[1] and sums[3]:
        precision, recall = sums[1] / sums[0], sums[3] / sums[2]
        assert counts.f == pytest.approx(2 / (1 / precision + 1 / recall))


def test_boundary_f_at_its_ends():
    _, truth = moving_blocks()
    flat = np.zeros(truth.shape, np.int16)
    assert count_boundaries(truth, truth, tolerance_px=0.0).f == 1
    assert count_boundaries(flat, flat.astype(np.uint8)).f == 1
    assert count_boundaries(flat, truth).f == 0
    shifted = np.roll(truth, 2, axis=2)
    near, far = (count_boundaries(shifted, truth, tolerance_px=px).f for px in (2.0, 1.0))
    assert far < near
    assert boundaries(np.array([[1, 1], [1, 2]])).tolist() == [[False, True], [True, False]]


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_flips_are_those_of_naive_loops(seed):
    predicted, truth = random_labels(seed)
    flips = true_flips = pixels = 0
    for t in range(1, len(truth)):
        for place in np.ndindex(truth.shape[1:]):
            if truth[t][place] != 255 and truth[t - 1][place] != 255:
                pixels += 1
                flips += predicted[t][place] != predicted[t - 1][place]
                true_flips += truth[t][place] != truth[t - 1][place]
    counts = count_flips(predicted, truth)
    assert (counts.flips, counts.true_flips, counts.pixels) == (flips, true_flips, pixels)


def recordings(swap=False):
    """Three recordings of two maps; half of the second map's pixels are wrong."""
    _, truth = moving_blocks()
    wrong = truth.copy()
    wrong[:, :, ::2] = (wrong[:, :, ::2] + 1) % 3
    names = np.array([1, 2, 0]) if swap else np.arange(3)
    return [
        count_recording(labels.astype(np.int16), truth, group=group, clusters=3, classes=3)
        for labels, group in ((truth, "e1m1"), (truth, "e1m1"), (names[wrong], "map02"))
    ]


def test_scores_are_pooled_over_recordings_with_intervals_over_maps():
    scores = summarise(recordings())
    accuracy = scores["pixel_accuracy"]
    assert accuracy.value == pytest.approx((1 + 1 + 0.5) / 3)
    assert 0.5 <= accuracy.low < 0.7  # the second map alone: 0.5
    assert accuracy.high == 1
    assert (accuracy.n, accuracy.groups) == (12, 2)
    _, truth = moving_blocks()
    share = (truth[1:] != truth[:-1]).mean()
    assert scores["true_flips_per_second"].value == pytest.approx(10 * share)
    assert scores["noise_share"].value == 0
    assert scores["ami"].value == pytest.approx(np.mean([r.ami for r in recordings()]))
    assert scores["miou"].value < scores["many_to_one_miou"].value + 1e-9
    assert set(scores) == {
        "miou", "pixel_accuracy", "many_to_one_miou", "many_to_one_pixel_accuracy", "ami", "ari",
        "boundary_f", "noise_share", "flips_per_second", "true_flips_per_second",
    }  # fmt: skip


def test_recordings_segmented_apart_are_matched_apart():
    together = summarise(recordings(swap=True))["pixel_accuracy"].value
    each = summarise(recordings(swap=True), matching="each")["pixel_accuracy"].value
    assert each == pytest.approx((1 + 1 + 0.5) / 3)
    assert together < each


def test_filled_noise_is_counted_by_its_mask():
    _, truth = moving_blocks()
    unknown = truth.copy()
    unknown[:, :9] = 255
    noise = np.zeros(truth.shape, bool)
    noise[:, :18] = True
    counts = count_recording(
        truth.astype(np.int16), unknown, group="a", clusters=3, classes=3, noise=noise
    )
    assert summarise([counts])["noise_share"].value == pytest.approx(9 / 27)
    assert summarise([counts])["noise_share"].low is None


def test_single_frames_have_no_flips_to_count():
    predicted, truth = random_labels(0)
    one = count_recording(predicted[:1], truth[:1], group="a", clusters=4, classes=3)
    two = count_recording(predicted, truth, group="b", clusters=4, classes=3)
    alone = summarise([one])["flips_per_second"]
    assert np.isnan(alone.value)
    assert (alone.low, alone.n, alone.groups) == (None, 0, 0)
    both = summarise([one, two])["flips_per_second"]
    assert both.value == pytest.approx(10 * two.flips.flips / two.flips.pixels)
    assert (both.n, both.groups) == (3, 1)


def test_errors_say_what_was_wanted():
    predicted, truth = random_labels(0)
    with pytest.raises(ValueError, match="same frames in the same size"):
        contingency(predicted[:2], truth, clusters=4, classes=3)
    with pytest.raises(ValueError, match="predicted runs from -1 to 3, but only -1 to 1"):
        contingency(predicted, truth, clusters=2, classes=3)
    with pytest.raises(ValueError, match="truth runs from 0 to 2, but only 0 to 1"):
        contingency(predicted, truth, clusters=4, classes=2)
    with pytest.raises(ValueError, match="tolerance_px=-1"):
        count_boundaries(predicted, truth, tolerance_px=-1.0)
    with pytest.raises(ValueError, match="holds no pixel"):
        summarise([])
    with pytest.raises(ValueError, match="choose among 'together', 'each', 'named'"):
        summarise.__wrapped__(recordings(), matching="both")
    uneven = [count_recording(predicted, truth, group="a", clusters=k, classes=3) for k in (4, 5)]
    with pytest.raises(ValueError, match="matching='each'"):
        summarise(uneven)
