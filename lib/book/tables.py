"""Tables and sentences that print alike on screen and on paper: always Markdown, never HTML.

A data frame shown as HTML looks different in print and makes Quarto fetch scripts from elsewhere,
so every table of the book goes through `show`, and every sentence with a number through `say`.
"""

import math
from numbers import Integral, Real
from typing import SupportsFloat

import pandas as pd

MINUS = "−"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def show(frame: pd.DataFrame, *, digits: int = 3, index: bool = False) -> None:
    """Display `frame` as a Markdown table.

    Numbers are rounded to `digits` significant digits (whole numbers stay whole) and aligned to the
    right; missing values become an en dash. `index=True` shows the row labels as a first column.
    """
    say(to_markdown(frame, digits=digits, index=index))


def say(text: str) -> None:
    """Display `text`, a sentence or paragraph in Markdown with its numbers already put in."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def to_markdown(frame: pd.DataFrame, *, digits: int = 3, index: bool = False) -> str:
    """`frame` as a Markdown pipe table; see `show`."""
    if index:
        frame = frame.reset_index()
    right = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    cells = frame.astype(object).map(lambda cell: _cell(cell, digits))
    cells.columns = pd.Index([_cell(name, digits) for name in frame.columns])
    if cells.empty:
        raise ValueError(
            "the table has no rows or no columns: say in a sentence that there is none"
        )
    return str(
        cells.to_markdown(
            index=False,
            tablefmt="pipe",
            disable_numparse=True,
            colalign=["right" if numeric else "left" for numeric in right],
        )
    )


def number(value: SupportsFloat | None, digits: int = 3) -> str:
    """`value` for readers: `digits` significant digits, thousands separated, a true minus sign.

    Whole numbers are printed whole, numbers below 0.0001 or from 10¹⁵ on as a power of ten, and
    what is missing or not finite as "–".
    """
    if digits < 1:
        raise ValueError(f"digits = {digits}: give at least one significant digit")
    if value is None or not math.isfinite(float(value)):
        return "–"
    if isinstance(value, Integral) and abs(int(value)) < 10**15:
        return _signed(f"{int(value):,}")
    real = float(value)
    if real == 0:
        return "0"
    if not 1e-4 <= abs(real) < 1e15:
        mantissa, exponent = f"{real:.{digits - 1}e}".split("e")
        return _signed(f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}")
    if real.is_integer():
        return _signed(f"{real:,.0f}")
    return fixed(real, digits - 1 - _exponent(real, digits))


def fixed(value: float, decimals: int) -> str:
    """`value` with this many decimals, thousands separated; below zero, rounded to tens and so on.

    A value that rounds to zero loses its sign.
    """
    rounded = round(value, decimals) + 0.0  # + 0.0 turns −0.0 into 0.0
    return _signed(f"{rounded:,.{max(decimals, 0)}f}")


def interval_decimals(low: float, high: float) -> int:
    """Decimals worth printing for a value known to lie in [`low`, `high`].

    The half width decides: it keeps two significant digits if it begins with 1 or 2, else one; the
    rounding then hides at most a sixth of it. Raises ValueError if the interval has no width.
    """
    if not low < high:
        raise ValueError(f"low = {low} is not below high = {high}: an interval needs a width")
    half_width = (high - low) / 2
    mantissa, exponent = f"{half_width:.1e}".split("e")
    return (1 if mantissa[0] in "12" else 0) - int(exponent)


def _exponent(value: float, digits: int) -> int:
    """Power of ten of the first digit of `value` after rounding to `digits` significant digits."""
    return int(f"{value:.{digits - 1}e}".split("e")[1])


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _cell(cell: object, digits: int) -> str:
    if isinstance(cell, str):
        return " ".join(cell.split()).replace("|", "\\|")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if cell is None or cell is pd.NA:
        return "–"
    return number(cell, digits) if isinstance(cell, Real) else _cell(str(cell), digits)
