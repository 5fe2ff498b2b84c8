"""Usage of a codebook: closed forms and laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.code_usage import CodeUsage, code_usage
from lib.evaluation.reconstruction import perplexity


def test_sixteen_codes_used_alike_among_sixty_four():
    counts = np.zeros(64, int)
    counts[::4] = 100
    assert code_usage(counts, cells_per_frame=144) == CodeUsage(
        used_share=0.25,
        top_share=10 / 16,
        codes_for_most=16,
        entropy_bits=4.0,
        bits_per_frame=576.0,
    )


def test_one_code_says_nothing():
    usage = code_usage(np.array([0, 7, 0, 0]), cells_per_frame=10)
    assert usage == CodeUsage(0.25, 1.0, 1, 0.0, 0.0)
    assert math.copysign(1, usage.entropy_bits) == 1


@pytest.mark.parametrize(("rare", "wanted"), [(1, 1), (2, 2)])
def test_ninety_nine_of_a_hundred_cells(rare, wanted):
    counts = np.array([rare, 100 - rare])
    assert code_usage(counts, cells_per_frame=1).codes_for_most == wanted


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40).filter(any), st.randoms())
@settings(max_examples=40, deadline=None)
def test_laws(counts, random):
    usage = code_usage(np.array(counts), cells_per_frame=3)
    shuffled = random.sample(counts, len(counts))
    assert code_usage(np.array(shuffled), cells_per_frame=3) == usage
    assert 2**usage.entropy_bits == pytest.approx(perplexity(np.array(counts, float)))
    ordered, taken = sorted(counts, reverse=True), 0
    while 100 * sum(ordered[:taken]) < 99 * sum(counts):
        taken += 1
    assert usage.codes_for_most == taken


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="code_counts sum to 0"):
        code_usage(np.zeros(4, int), cells_per_frame=4)
    with pytest.raises(ValueError, match="cells_per_frame is 0"):
        code_usage(np.ones(4, int), cells_per_frame=0)
