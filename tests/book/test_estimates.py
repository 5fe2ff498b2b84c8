"""Estimates as words."""

import pytest

from lib.book import estimates
from lib.evaluation.intervals import Estimate


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.9974, 0.9962, 0.9986, 100, 10), "99.74 (99.62–99.86)"),
        (Estimate(1.0, None, None, 100, 1), "100"),
    ],
)
def test_a_share_is_said_in_per_cent(estimate, text):
    assert estimates.told(estimate) == text
