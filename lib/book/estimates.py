"""Estimates as chapters' ledgers, tables and figures take them."""

from collections.abc import Sequence
from typing import Literal

from lib.book.results import Ledger
from lib.book.tables import fixed, interval_decimals, number
from lib.evaluation.intervals import Estimate

Better = Literal["higher", "lower", ""]
Interval = tuple[float, float | None, float | None]  # value, low, high


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


def record(
    ledger: Ledger,
    id: str,
    estimate: Estimate,
    *,
    seeds: Sequence[int],
    better: Better = "",
    run: str | None = None,
    seconds: float | None = None,
    unit: str = "",
) -> None:
    """An estimate as a row."""
    ledger.record(
        id,
        estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n or None,
        seeds=seeds,
        better=better,
        run=run,
        seconds=seconds,
        unit=unit,
    )
