import math

import numpy as np
import pandas as pd
import pytest

from lib.book.tables import fixed, number, say, show, to_markdown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.21349, "0.213"),
        (1234, "1,234"),
        (1234.0, "1,234"),
        (12345.6, "12,300"),
        (-0.5, "−0.500"),
        (0.0, "0"),
        (9.999, "10.0"),
        (0.00001234, "1.23 × 10⁻⁵"),
        (math.nan, "–"),
        (None, "–"),
        (np.float32(0.5), "0.500"),
        (np.int64(7), "7"),
        (1e300, "1.00 × 10³⁰⁰"),
    ],
)
def test_numbers_are_written_for_readers(value, text):
    assert number(value) == text


def test_what_rounds_to_zero_has_no_sign():
    assert fixed(-0.04, 1) == "0.0"


def test_tables_are_markdown_with_numbers_to_the_right(capsys):
    frame = pd.DataFrame({"a|b": ["x|y", "z\nw"], "share": [0.12345, np.nan], "n": [1000, 2]})
    lines = to_markdown(frame).splitlines()
    assert lines[0].split(" | ")[0].strip("| ") == "a\\|b"
    assert lines[1].endswith(":|")
    assert lines[1].startswith("|:")
    assert "x\\|y" in lines[2]
    assert "0.123" in lines[2]
    assert "1,000" in lines[2]
    assert "z w" in lines[3]
    assert "–" in lines[3]
    assert "<" not in to_markdown(frame)


def test_row_labels_and_flags_are_shown_on_demand():
    frame = pd.DataFrame({"ok": [True, False]}, index=pd.Index(["p", "q"], name="run"))
    assert to_markdown(frame, index=True).splitlines()[2].split() == ["|", "p", "|", "yes", "|"]


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="no rows"):
        to_markdown(pd.DataFrame({"a": []}))


def test_shown_output_is_markdown_only(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    show(pd.DataFrame({"a": [1]}))
    say("so it is")
    assert [type(item).__name__ for item in shown] == ["Markdown", "Markdown"]
    assert shown[1].data == "so it is"
