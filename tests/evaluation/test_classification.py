"""Confusion, accuracy, NLL and calibration error against scikit-learn, loops and closed forms."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, log_loss, precision_score, recall_score
from torch import nn

from lib.evaluation.classification import (
    accuracy,
    bin_edges,
    calibration_error,
    confidence_and_hits,
    confusion,
    expected_calibration_error,
    last_linear,
    negative_log_likelihood,
    predict,
    probabilities,
    recalls,
    reliability_bins,
    summarise,
)
from lib.models.classifier import Classifier, ClassifierShape

SMALL = ClassifierShape(channels=(4, 5), hidden=6, classes=3, image_size=(14, 18))


@dataclass
class Noise:
    """Images of noise by number."""

    images: np.ndarray

    def batch(self, indices):
        return self.images[np.asarray(indices)]


@pytest.fixture
def noise(rng):
    return Noise(rng.random((7, 3, 14, 18), dtype=np.float32))


def labelled(seed: int, n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels; about half of the predictions are right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return rng.normal(size=(n, classes)) + np.eye(classes)[labels], labels


many = given(st.integers(0, 999), st.integers(1, 60), st.integers(2, 5))
few = settings(max_examples=30, deadline=None)


class Backwards(nn.Module):
    """Registers the layer that makes the logits first."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.body = nn.Linear(4, 3), nn.Linear(3 * 14 * 18, 4)

    def forward(self, images):
        return self.head(self.body(images.flatten(1)))


class TestPredict:
    def test_logits_and_features_are_the_models_in_any_batch(self, noise, generator):
        model = Classifier(SMALL, generator=generator)
        indices = np.array([5, 0, 6, 6, 2])
        one, all_at_once = predict(model, noise, indices, 2), predict(model, noise, indices)
        images = torch.from_numpy(noise.batch(indices))
        for got in (one, all_at_once):
            np.testing.assert_allclose(got.logits, model(images).detach(), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(
                got.features, model.features(images).detach(), rtol=1e-5, atol=1e-6
            )

    def test_the_model_is_left_as_it_was(self, noise, generator):
        model = nn.Sequential(nn.Dropout(0.5), Classifier(SMALL, generator=generator)).train()
        model[1].eval()
        first, again = (predict(model, noise, np.arange(7)).logits for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert [model.training, model[0].training, model[1].training] == [True, True, False]
        assert not any(module._forward_hooks for module in model.modules())

    def test_features_that_would_not_belong_to_the_logits_are_refused(self, noise):
        with pytest.raises(ValueError, match="register the layer that makes the logits last"):
            predict(Backwards(), noise, np.arange(2))
        with pytest.raises(ValueError, match="model has no nn.Linear"):
            last_linear(nn.Conv2d(1, 1, 1))

    def test_nothing_to_predict(self, noise):
        with pytest.raises(ValueError, match="batch is 256 for 0 indices"):
            predict(Classifier(SMALL), noise, np.arange(0))
        with pytest.raises(ValueError, match="batch is 0 for 3 indices"):
            predict(Classifier(SMALL), noise, np.arange(3), 0)


class TestConfusion:
    @few
    @many
    def test_equals_scikit_learn(self, seed, n, classes):
        logits, labels = labelled(seed, n, classes)
        predicted = logits.argmax(1)
        got = confusion(labels, predicted, classes=classes)
        names = list(range(classes))
        np.testing.assert_array_equal(got.counts, confusion_matrix(labels, predicted, labels=names))
        for ours, theirs in ((got.recall, recall_score), (got.precision, precision_score)):
            wanted = theirs(labels, predicted, labels=names, average=None, zero_division=np.nan)
            np.testing.assert_allclose(ours, wanted)
        assert got.accuracy == pytest.approx((labels == predicted).mean())

    @few
    @many
    def test_sums(self, seed, n, classes):
        logits, labels = labelled(seed, n, classes)
        got = confusion(labels, logits.argmax(1), classes=classes)
        assert got.counts.sum() == n
        np.testing.assert_array_equal(got.counts.sum(1), np.bincount(labels, minlength=classes))
        assert got.class_shares.sum() == pytest.approx(1)
        present = got.class_shares > 0
        np.testing.assert_allclose(got.shares[present].sum(1), 1)
        assert np.isnan(got.shares[~present]).all()
        np.testing.assert_allclose(np.nansum(got.recall * got.class_shares), got.accuracy)

    def test_the_write_ups_margins(self):
        """Rows are truth: 3 of 4 octanes found; of 4 taken for octanes 3 are."""
        labels, predicted = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
        got = confusion(labels, predicted, classes=2)
        assert got.counts.tolist() == [[3, 1], [1, 1]]
        assert got.recall.tolist() == [0.75, 0.5]
        assert got.precision.tolist() == [0.75, 0.5]

    def test_mistakes_are_named(self):
        two = np.array([0, 1])
        with pytest.raises(ValueError, match="labels has 2 entries, predicted has 1"):
            confusion(two, two[:1], classes=2)
        with pytest.raises(ValueError, match="predicted runs from 0 to 4; with 2 classes"):
            confusion(two, np.array([0, 4]), classes=2)
        with pytest.raises(ValueError, match="labels runs from -1 to 0"):
            confusion(two - 1, two, classes=2)


class TestAccuracy:
    def test_with_errors_it_is_the_mean_with_its_bootstrap(self):
        right, groups = np.array([True] * 9 + [False]), np.arange(10)
        got = accuracy(right, groups)
        assert got.value == 0.9
        assert 0.5 < got.low < 0.9 < got.high <= 1

    @pytest.mark.parametrize("groups", [2, 10, 400])
    def test_without_errors_loadouts_bound_it(self, groups):
        """P(no loadout errs) is 2.5 % where each errs with 1 - low: closed form."""
        of = np.repeat(np.arange(groups), 10)
        perfect = accuracy(np.ones(len(of), bool), of)
        assert (perfect.value, perfect.high) == (1.0, 1.0)
        assert perfect.low**groups == pytest.approx(0.025)
        hopeless = accuracy(np.zeros(len(of), bool), of)
        assert (hopeless.value, hopeless.low) == (0.0, 0.0)
        assert hopeless.high == pytest.approx(1 - perfect.low)

    def test_one_loadout_has_no_interval(self):
        assert accuracy(np.ones(3, bool), np.zeros(3, int)).low is None

    def test_recalls_are_the_margin_with_intervals(self):
        logits, labels = labelled(3, 80, 3)
        groups = np.arange(80) // 4
        got = recalls(labels, logits.argmax(1), groups, classes=4)
        wanted = confusion(labels, logits.argmax(1), classes=4).recall
        np.testing.assert_allclose([e.value for e in got], wanted)
        assert all(e.low <= e.value <= e.high for e in got[:3])
        assert (got[3].n, got[3].low) == (0, None)


class TestLikelihood:
    @few
    @many
    def test_equals_scikit_learn(self, seed, n, classes):
        logits, labels = labelled(seed, n, classes)
        p = probabilities(logits, temperature=2.0)
        np.testing.assert_allclose(p.sum(1), 1)
        got = negative_log_likelihood(logits, labels, temperature=2.0)
        assert got.mean() == pytest.approx(log_loss(labels, p, labels=list(range(classes))))

    def test_closed_forms(self):
        assert negative_log_likelihood(np.zeros((1, 4)), np.array([2]))[0] == pytest.approx(
            np.log(4)
        )
        huge = np.array([[1e4, 0.0]])
        assert negative_log_likelihood(huge, np.array([0]))[0] == 0
        assert negative_log_likelihood(huge, np.array([1]))[0] == pytest.approx(1e4)

    def test_mistakes_are_named(self):
        labels = np.array([0, 1])
        with pytest.raises(ValueError, match="logits has 2 rows, labels has 1"):
            negative_log_likelihood(np.zeros((2, 3)), labels[:1])
        with pytest.raises(ValueError, match="labels run from 0 to 1, but logits has 1 columns"):
            negative_log_likelihood(np.zeros((2, 1)), labels)
        with pytest.raises(ValueError, match="1 of 2 rows that are not finite"):
            negative_log_likelihood(np.array([[0.0, np.nan], [0, 0]]), labels)
        with pytest.raises(ValueError, match="temperature is 0.0; give a positive number"):
            probabilities(np.zeros((2, 3)), temperature=0.0)


def naive_ece(confidence, right, edges):
    """The mean over bins (low, high], one image at a time."""
    total = 0.0
    for low, high in pairwise(edges):
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (c == low == edges[0])]
        if inside:
            gap = np.mean([right[i] for i in inside]) - np.mean([confidence[i] for i in inside])
            total += len(inside) / len(confidence) * abs(gap)
    return total


class TestCalibrationError:
    @few
    @given(st.integers(0, 999), st.integers(1, 60), st.booleans(), st.integers(1, 20))
    def test_equals_loops(self, seed, n, adaptive, bins):
        rng = np.random.default_rng(seed)
        confidence = rng.integers(0, 31, n) / 30  # many on edges, many equal
        right = rng.random(n) < 0.7
        edges = bin_edges(confidence, bins=bins, adaptive=adaptive)
        wanted = naive_ece(confidence, right, edges)
        table = reliability_bins(confidence, right, bins=bins, adaptive=adaptive)
        assert table.count.sum() == n
        assert expected_calibration_error(table) == pytest.approx(wanted)
        estimate = calibration_error(
            confidence, right, np.arange(n) // 3, bins=bins, adaptive=adaptive
        )
        assert estimate.value == pytest.approx(wanted)
        if estimate.low is not None:
            assert 0 <= estimate.low <= estimate.value <= estimate.high

    @few
    @given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), min_size=1, max_size=6))
    def test_earned_confidence_has_no_error(self, cars):
        """Where k of m images of one confidence are right and the confidence is k / m."""
        cars = [(m, min(k, m)) for m, k in cars]
        confidence = np.concatenate([np.full(m, k / m) for m, k in cars])
        right = np.concatenate([np.arange(m) < k for m, k in cars])
        for adaptive in (False, True):
            table = reliability_bins(confidence, right, adaptive=adaptive)
            assert expected_calibration_error(table) == pytest.approx(0, abs=1e-12)

    def test_sure_and_always_wrong(self):
        table = reliability_bins(np.ones(5), np.zeros(5, bool))
        assert expected_calibration_error(table) == 1
        assert np.isnan(table.accuracy[:-1]).all()
        assert (table.lower[-1], table.upper[-1]) == (14 / 15, 1)

    def test_adaptive_bins_hold_equally_many(self, rng):
        confidence = rng.random(300) ** 0.1
        table = reliability_bins(confidence, rng.random(300) < 0.5, bins=10, adaptive=True)
        assert set(table.count) == {30}

    def test_order_of_images_does_not_matter(self, rng):
        confidence, right = rng.integers(0, 4, 40) / 4, rng.random(40) < 0.5
        order = rng.permutation(40)
        first, second = (
            expected_calibration_error(reliability_bins(c, r, adaptive=True))
            for c, r in ((confidence, right), (confidence[order], right[order]))
        )
        assert first == pytest.approx(second)

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="outside \\[0, 1\\]; give probabilities, not logits"):
            reliability_bins(np.array([0.2, 1.7]), np.array([True, True]))
        with pytest.raises(ValueError, match="0 bins of 2 images"):
            reliability_bins(np.array([0.2, 0.7]), np.array([True, True]), bins=0)
        with pytest.raises(ValueError, match="confidence has 2 entries, right has 1"):
            reliability_bins(np.array([0.2, 0.7]), np.array([True]))


def test_summary_is_of_the_same_numbers():
    logits, labels = labelled(1, 200, 4)
    groups = np.arange(200) // 10
    cold, warm = (summarise(logits, labels, groups, temperature=t) for t in (1.0, 3.0))
    assert list(cold) == ["accuracy", "nll", "ece", "ece_adaptive"]
    assert cold["accuracy"] == warm["accuracy"]
    assert cold["nll"].value != warm["nll"].value
    confidence, right = confidence_and_hits(logits, labels, temperature=3.0)
    assert warm["ece"].value == pytest.approx(
        expected_calibration_error(reliability_bins(confidence, right))
    )
    for estimate in cold.values():
        assert estimate.low < estimate.value < estimate.high
        assert (estimate.n, estimate.groups) == (200, 20)
