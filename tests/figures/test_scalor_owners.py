"""Scores by opacity and by colour: what is drawn where, and what is refused."""

import pytest

from lib.figures.scalor_owners import BY_COLOUR, score_by_opacity

SCORES = {"hard": {0.04: 0.7, 0.5: 0.3}, "leaves": {0.04: 0.6, 0.15: 0.8, 0.5: 0.7}}
COLOURS = {"hard": (0.8, 0.7, 0.9), "leaves": (0.9, None, None)}


def test_a_line_each_and_colours_apart():
    (axis,) = score_by_opacity(SCORES, COLOURS, "MOTA").axes
    assert [one.get_text() for one in axis.get_xticklabels()] == ["0.04", "0.15", "0.5", BY_COLOUR]
    curves = [
        line for line in axis.lines if len(line.get_xdata()) >= 2 and line.get_marker() != "None"
    ]
    assert [list(line.get_ydata()) for line in curves] == [[0.7, 0.3], [0.6, 0.8, 0.7]]
    assert list(curves[0].get_xdata()) == [0, 2]
    dots = [line for line in axis.lines if len(line.get_xdata()) == 1]
    assert [float(line.get_ydata()[0]) for line in dots] == [0.8, 0.9]
    assert min(float(line.get_xdata()[0]) for line in dots) > 2.5
    bars = [line for line in axis.lines if list(line.get_ydata()) == [0.7, 0.9]]
    assert len(bars) == 1, "an interval where there is one"


@pytest.mark.parametrize("colours", [{}, {"hard": (0.8, None, None)}])
def test_others_by_colour_are_refused(colours):
    with pytest.raises(ValueError, match="give the same experiments"):
        score_by_opacity(SCORES, colours, "MOTA")
    with pytest.raises(ValueError, match="scores are of nothing"):
        score_by_opacity({}, {}, "MOTA")
