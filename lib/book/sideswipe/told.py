"""Estimates as the chapter's tables and figures say them."""

from lib.book.tables import fixed, interval_decimals, number
from lib.evaluation.intervals import Estimate
from lib.figures.sideswipe_marks import Interval


def told(estimate: Estimate) -> str:
    """A share in per cent with its interval: ``99.7 (99.4–99.9)``."""
    value = 100 * estimate.value
    if estimate.low is None or estimate.high is None or not estimate.low < estimate.high:
        return number(value)
    low, high = 100 * estimate.low, 100 * estimate.high
    decimals = interval_decimals(low, high)
    return f"{fixed(value, decimals)} ({fixed(low, decimals)}–{fixed(high, decimals)})"


def interval(estimate: Estimate) -> Interval:
    """Value, low and high, as figures take them."""
    return estimate.value, estimate.low, estimate.high
