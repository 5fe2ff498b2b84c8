"""AUROC, FPR at 95 % TPR and average precision against scikit-learn and loops; their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from lib.evaluation.novelty_detection import (
    _measures,
    _weights_of,
    auroc,
    average_precision,
    fpr_at_tpr,
    judge,
    report,
)

few = settings(max_examples=30, deadline=None)
# steps of an eighth: many ties, and maps below that are monotone in floating point too
scores = st.lists(st.integers(-20, 20), min_size=1, max_size=30).map(lambda x: np.array(x) / 8)


def together(known, new):
    return np.r_[np.zeros(len(known)), np.ones(len(new))], np.concatenate([known, new])


@few
@given(scores, scores)
def test_equal_scikit_learn(known, new):
    is_new, values = together(known, new)
    assert auroc(known, new) == pytest.approx(roc_auc_score(is_new, values))
    assert average_precision(known, new) == pytest.approx(average_precision_score(is_new, values))
    fpr, tpr, _ = roc_curve(1 - is_new, -values, drop_intermediate=False)
    assert fpr_at_tpr(known, new) == pytest.approx(fpr[np.argmax(tpr >= 0.95 - 1e-12)])


@few
@given(scores, scores)
def test_equal_loops(known, new):
    wins = [(n > k) + (n == k) / 2 for n in new for k in known]
    assert auroc(known, new) == pytest.approx(np.mean(wins))
    limit = min(t for t in known if (known <= t).mean() >= 0.95)
    assert fpr_at_tpr(known, new) == pytest.approx((new <= limit).mean())


@few
@given(scores, scores, st.integers(0, 99))
def test_weights_are_repetitions(known, new, seed):
    """What a resample does: an image with weight 3 is there three times."""
    rng = np.random.default_rng(seed)
    is_new, values = together(known, new)
    times = rng.integers(0, 4, len(values))
    times[0] = times[-1] = 1
    _, level = np.unique(values, return_inverse=True)
    got = _measures(*_weights_of(level, is_new == 1, times[None].astype(float)))[:, 0]
    repeated = np.repeat(known, times[is_new == 0]), np.repeat(new, times[is_new == 1])
    wanted = [f(*repeated) for f in (auroc, fpr_at_tpr, average_precision)]
    np.testing.assert_allclose(got, wanted)


@few
@given(scores, scores)
def test_only_the_order_of_scores_matters(known, new):
    for monotone in (np.exp, np.cbrt, lambda x: 3 * x - 7):
        for measure in (auroc, fpr_at_tpr, average_precision):
            assert measure(monotone(known), monotone(new)) == pytest.approx(measure(known, new))


@few
@given(scores, scores)
def test_the_sign_turns_the_area_round(known, new):
    assert auroc(-known, -new) == pytest.approx(1 - auroc(known, new))
    assert auroc(new, known) == pytest.approx(1 - auroc(known, new))


def test_perfect_blind_and_backwards():
    low, high = np.arange(40.0), 100 + np.arange(10.0)
    measures = (auroc, fpr_at_tpr, average_precision)
    assert [f(low, high) for f in measures] == [1, 0, 1]
    assert [f(np.ones(30), np.ones(10)) for f in measures] == [0.5, 1, 0.25]
    assert [f(high, low) for f in (auroc, fpr_at_tpr)] == [0, 1]


class TestJudge:
    def test_value_and_interval(self, rng):
        known, new = rng.normal(size=200), 1.5 + rng.normal(size=100)
        got = judge(known, new, np.arange(200) // 10, np.arange(100) // 10)
        wanted = auroc(known, new), fpr_at_tpr(known, new), average_precision(known, new)
        for estimate, value in zip((got.auroc, got.fpr95, got.aupr), wanted, strict=True):
            assert estimate.value == pytest.approx(value)
            assert 0 <= estimate.low < estimate.value < estimate.high <= 1
            assert (estimate.n, estimate.groups) == (300, 30)
        assert got.new_share == pytest.approx(1 / 3)
        assert got == judge(known, new, np.arange(200) // 10, np.arange(100) // 10)

    def test_interval_is_that_of_whole_loadouts(self, rng):
        """Ten copies of each image know no more than one of them."""
        known, new = rng.normal(size=40), 1 + rng.normal(size=40)
        groups = np.arange(40)
        once = judge(known, new, groups, groups).auroc
        tenfold = [np.repeat(x, 10) for x in (known, new, groups)]
        again = judge(tenfold[0], tenfold[1], tenfold[2], tenfold[2]).auroc
        assert again.value == pytest.approx(once.value)
        assert (again.low, again.high) == pytest.approx((once.low, once.high), abs=0.02)

    def test_spread_is_that_of_a_plain_bootstrap(self, rng):
        known, new = rng.normal(size=60), 1 + rng.normal(size=50)
        got = judge(known, new, np.arange(60), np.arange(50)).auroc
        drawn = [
            roc_auc_score(*together(rng.choice(known, 60), rng.choice(new, 50))) for _ in range(500)
        ]
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert (got.low, got.high) == pytest.approx((low, high), abs=0.03)

    def test_one_loadout_has_no_interval(self):
        got = judge(np.arange(4.0), np.arange(3.0), np.arange(4), np.zeros(3, int))
        assert (got.auroc.low, got.fpr95.high) == (None, None)

    def test_mistakes_are_named(self):
        one = np.zeros(1)
        with pytest.raises(ValueError, match="new is empty"):
            auroc(one, one[:0])
        with pytest.raises(ValueError, match="known has 1 scores that are NaN"):
            auroc(one * np.nan, one)


class TestReport:
    def test_each_score_and_body(self, rng):
        known = {"energy": rng.normal(size=50), "msp": rng.normal(size=50)}
        new = {name: rng.normal(size=30) + np.repeat([0, 3], 15) for name in known}
        groups = np.arange(50) // 5, np.arange(30) // 5
        bodies = {"pickup": np.arange(30) < 15, "roadster": np.arange(30) >= 15}
        got = report(known, new, *groups, bodies)
        assert list(got) == ["energy", "msp"]
        for name, part in got.items():
            assert part.together == judge(known[name], new[name], *groups)
            assert part.by_body["pickup"].auroc.value == pytest.approx(
                auroc(known[name], new[name][:15])
            )
            assert part.by_body["roadster"].auroc.value > part.by_body["pickup"].auroc.value
            assert part.by_body["roadster"].auroc.groups == 13

    def test_mistakes_are_named(self):
        x, g = np.zeros(3), np.arange(3)
        with pytest.raises(ValueError, match="known has the scores \\['a'\\], new has \\['b'\\]"):
            report({"a": x}, {"b": x}, g, g, {})
        with pytest.raises(ValueError, match="bodies \\['pickup'\\] have no image"):
            report({"a": x}, {"a": x}, g, g, {"pickup": np.zeros(3, bool)})
