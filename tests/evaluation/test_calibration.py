"""The temperature against two other searches, and what scaling may and may not change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from lib.evaluation.calibration import HOTTEST, calibrate, fit_temperature
from lib.evaluation.classification import (
    log_probabilities,
    negative_log_likelihood,
    probabilities,
)


def drawn(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the softmax of z, and logits ``scale * z``: the temperature is `scale`."""
    z = rng.normal(size=(n, 4)) * 2
    p = probabilities(z)
    labels = (rng.random((n, 1)) > p.cumsum(1)).sum(1).clip(0, 3)
    return scale * z, labels


def smoothed_nll(log_t, logits, labels, given_up):
    """As written on paper: cross entropy with targets that give a share to the other classes."""
    targets = np.full(logits.shape, given_up / (logits.shape[1] - 1))
    targets[np.arange(len(labels)), labels] = 1 - given_up
    log_p = log_probabilities(logits, temperature=float(np.exp(log_t)))
    return -(targets * log_p).sum(1).mean()


class TestFitTemperature:
    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 99), st.floats(0.2, 5.0), st.sampled_from([0.0, 1.0, 7.5]))
    def test_equals_a_general_search(self, seed, scale, pseudo_errors):
        logits, labels = drawn(np.random.default_rng(seed), 120, scale)
        got = fit_temperature(logits, labels, pseudo_errors=pseudo_errors)
        wanted = minimize_scalar(
            smoothed_nll,
            bounds=(-4.6, 4.6),
            args=(logits, labels, pseudo_errors / 122),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert np.log(got.value) == pytest.approx(wanted.x, abs=1e-5)
        assert not got.at_bound

    def test_equals_scikit_learn(self, rng):
        """Its temperature, taken from the confidence it gives a frozen classifier."""
        x = rng.normal(size=(400, 3))
        y = (x + rng.normal(size=x.shape)).argmax(1)
        fixed = LogisticRegression(C=100.0).fit(x[:30], y[:30])
        theirs = CalibratedClassifierCV(
            FrozenEstimator(fixed), method="temperature", ensemble=False
        )
        theirs.fit(x, y)
        logits = fixed.decision_function(x)
        got = fit_temperature(logits, y, pseudo_errors=0.0)
        wanted = theirs.predict_proba(x)
        np.testing.assert_allclose(probabilities(logits, temperature=got.value), wanted, atol=1e-4)

    def test_finds_the_true_temperature(self, rng):
        for scale in (0.25, 1.0, 4.0):
            logits, labels = drawn(rng, 20_000, scale)
            assert fit_temperature(logits, labels).value == pytest.approx(scale, rel=0.05)

    def test_without_an_error_certainty_is_not_concluded(self):
        """Laplace: of n right ones, all alike, the confidence becomes 1 - 1 / (n + 2)."""
        n = 50
        logits, labels = np.tile([2.0, 0.0], (n, 1)), np.zeros(n, int)
        got = fit_temperature(logits, labels)
        confidence = probabilities(logits, temperature=got.value)[0, 0]
        assert confidence == pytest.approx(1 - 1 / (n + 2))
        assert (got.errors, got.n, got.at_bound) == (0, n, False)
        plain = fit_temperature(logits, labels, pseudo_errors=0.0)
        assert plain.at_bound

    def test_worse_than_chance_is_as_hot_as_it_gets(self):
        got = fit_temperature(np.tile([2.0, 0.0], (9, 1)), np.ones(9, int))
        assert got.at_bound
        assert got.value == pytest.approx(HOTTEST)
        assert got.errors == 9

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="pseudo_errors is -1.0 for 2 images"):
            fit_temperature(np.zeros((2, 2)), np.array([0, 1]), pseudo_errors=-1.0)
        with pytest.raises(ValueError, match="logits has 2 rows, labels has 1"):
            fit_temperature(np.zeros((2, 2)), np.array([0]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 100.0))
def test_temperature_never_changes_the_argmax(seed, temperature):
    logits = np.random.default_rng(seed).normal(size=(20, 4)).astype(np.float32) * 5
    p = probabilities(logits, temperature=temperature)
    best = p[np.arange(20), logits.argmax(1)]
    np.testing.assert_array_equal(best, p.max(1))


class TestCalibrate:
    def test_mends_a_network_too_sure_of_itself(self, rng):
        validation, (logits, labels) = drawn(rng, 2000, 4.0), drawn(rng, 2000, 4.0)
        got = calibrate(validation, logits, labels, np.arange(2000) // 10)
        assert got.temperature == fit_temperature(*validation)
        assert got.before["accuracy"] == got.after["accuracy"]
        assert got.after["ece"].value < 0.04 < 0.1 < got.before["ece"].value
        for name in ("nll", "ece"):
            difference = got.after[name].value - got.before[name].value
            assert got.change[name].value == pytest.approx(difference)
            assert got.change[name].low < got.change[name].value < got.change[name].high < 0
        assert got.bins_before.count.sum() == got.bins_after.count.sum() == 2000
        nll = negative_log_likelihood(logits, labels, temperature=got.temperature.value)
        assert got.after["nll"].value == pytest.approx(nll.mean())

    def test_leaves_a_calibrated_one_alone(self, rng):
        validation, (logits, labels) = drawn(rng, 4000, 1.0), drawn(rng, 2000, 1.0)
        got = calibrate(validation, logits, labels, np.arange(2000))
        assert got.temperature.value == pytest.approx(1, abs=0.1)
        assert got.change["ece"].low < 0 < got.change["ece"].high
