"""Loss-guided sampling and neighbour batches."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from lib.training.loss_sampling import (
    LossSampler,
    SamplingSettings,
    SelectionLog,
    read_selection,
    write_selection,
)
from lib.training.neighbour_batches import draw_batch, neighbourhoods

MEMORYLESS = SamplingSettings(smoothing=0.0, cap=100.0, uniform=0.0)


def told(losses, chosen=MEMORYLESS) -> LossSampler:
    sampler = LossSampler(len(losses), chosen)
    sampler.note(np.arange(len(losses)), torch.tensor(losses))
    return sampler


class TestSampler:
    def test_frequencies_are_proportional_to_losses(self, rng):
        losses = np.array([1.0, 2.0, 3.0, 6.0])
        p = told(losses).probabilities()
        np.testing.assert_allclose(p, losses / losses.sum())
        firsts = [draw_batch(p, None, 2, rng)[0] for _ in range(4000)]
        counts = np.bincount(firsts, minlength=4)
        assert chisquare(counts, 4000 * losses / losses.sum()).pvalue > 0.001
        assert chisquare(counts).pvalue < 1e-9, "and not uniform"

    def test_cap_and_uniform_share(self):
        sampler = told([1.0] * 9 + [91.0], SamplingSettings(smoothing=0.0, cap=3.0, uniform=0.5))
        relative = np.array([0.1] * 9 + [9.1])  # their mean is 1
        guided = np.minimum(relative, 3.0)
        np.testing.assert_allclose(
            sampler.probabilities(), 0.5 / 10 + 0.5 * guided / guided.sum(), rtol=1e-9
        )

    def test_losses_are_smoothed_and_relative(self):
        sampler = LossSampler(3, SamplingSettings(smoothing=0.5))
        sampler.note(np.array([0, 1]), torch.tensor([2.0, 6.0]))  # mean 4
        np.testing.assert_allclose(sampler.losses, [0.75, 1.25, 1.0])
        sampler.note(np.array([0, 0]), torch.tensor([1.0, 3.0]))  # twice in a batch: their mean
        mean = 0.98 * 4 + 0.02 * 2
        np.testing.assert_allclose(sampler.losses, [(0.75 + 2 / mean) / 2, 1.25, 1.0])

    def test_uniform_looks_at_no_loss(self):
        sampler = told([1.0, 50.0], SamplingSettings(uniform=1.0))
        assert sampler.probabilities().tolist() == [0.5, 0.5]
        assert sampler.losses[1] > sampler.losses[0], "but the log knows them"

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0, 1))
    def test_they_are_probabilities(self, losses, uniform):
        p = told(losses, SamplingSettings(uniform=uniform)).probabilities()
        assert p.sum() == pytest.approx(1)
        assert (p > 0).all()
        assert p.max() / p.min() <= 4 * 1e3 * 1e3

    def test_a_restored_sampler_goes_on_alike(self):
        one, two = told([1.0, 2.0, 9.0]), LossSampler(3, MEMORYLESS)
        one.note(np.array([1]), torch.tensor([4.0]))
        two.load_state_dict(copy.deepcopy(one.state_dict()))
        for sampler in (one, two):
            sampler.note(np.array([0]), torch.tensor([3.0]))
        assert one.probabilities().tolist() == two.probabilities().tolist()

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"smoothing": 1.0}, "smoothing is 1.0"),
            ({"cap": 0.5}, "cap is 0.5"),
            ({"uniform": 1.5}, "uniform is 1.5"),
        ],
    )
    def test_impossible_settings_are_refused(self, wrong, message):
        with pytest.raises(ValueError, match=message):
            SamplingSettings(**wrong)

    def test_states_of_other_footage_are_refused(self):
        with pytest.raises(ValueError, match="has 2 frames, this one 3"):
            LossSampler(3, MEMORYLESS).load_state_dict(told([1.0, 2.0]).state_dict())
        with pytest.raises(ValueError, match="count is 0"):
            LossSampler(0, MEMORYLESS)


class TestSelectionLog:
    def test_it_counts_draws_part_by_part(self, tmp_path: Path):
        log = SelectionLog(np.array([10, 20, 30]), 6, parts=3)
        for step in range(6):
            log.record(step, np.array([step % 3, 2]), np.full(3, float(step)))
        write_selection(log.finish(np.full(3, 6.0)), tmp_path / "selection.npz")
        found = read_selection(tmp_path / "selection.npz")
        assert found.frames.tolist() == [10, 20, 30]
        assert found.draws.tolist() == [[1, 1, 2], [1, 0, 3], [0, 1, 3]]
        assert found.losses.tolist() == [[2.0] * 3, [4.0] * 3, [6.0] * 3]

    def test_a_short_run_has_fewer_parts(self):
        assert SelectionLog(np.arange(2), 3).finish(np.ones(2)).draws.shape == (3, 2)


RECORDINGS = st.lists(st.integers(1, 12), min_size=1, max_size=4).map(
    lambda lengths: np.repeat(np.arange(len(lengths)), lengths)
)


class TestNeighbours:
    @settings(max_examples=60, deadline=None)
    @given(RECORDINGS, st.integers(1, 6), st.integers(2, 9), st.integers(0, 999))
    def test_batches_are_from_near_the_first_frame(self, recordings, span, size, seed):
        n = len(recordings)
        p = np.full(n, 1 / n)
        batch = draw_batch(p, neighbourhoods(recordings, span), size, np.random.default_rng(seed))
        near = [
            i for i in range(n)
            if recordings[i] == recordings[batch[0]] and abs(i - batch[0]) <= span
        ]  # fmt: skip
        assert len(batch) == size
        assert set(batch) <= set(near)
        assert len(set(batch)) == min(size, len(near)), "each once, while there are enough"

    def test_neighbours_with_a_higher_loss_come_more_often(self, rng):
        p = np.array([0.3, 0.1, 0.2, 0.4])
        nearby = neighbourhoods(np.zeros(4, int), 3)
        seconds = [b[1] for b in (draw_batch(p, nearby, 2, rng) for _ in range(4000)) if b[0] == 0]
        counts = np.bincount(seconds, minlength=4)[1:]
        assert chisquare(counts, counts.sum() * p[1:] / p[1:].sum()).pvalue > 0.001

    def test_without_neighbourhoods_all_frames_mix(self, rng):
        batch = draw_batch(np.full(50, 0.02), None, 50, rng)
        assert sorted(batch) == list(range(50))

    def test_mistakes_are_told(self):
        with pytest.raises(ValueError, match="span is 0; give 1 frame or more"):
            neighbourhoods(np.zeros(3, int), 0)
        with pytest.raises(ValueError, match="recordings are not in order"):
            neighbourhoods(np.array([1, 0]), 2)
