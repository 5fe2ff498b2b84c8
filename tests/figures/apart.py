"""What every figure is asked: that it draws at text width and that no word lies on another."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from lib.figures import style


def legible(figure: Figure) -> Figure:
    """`figure`, drawn; fails where words overlap or leave the page."""
    FigureCanvasAgg(figure).draw()  # a closed figure has a canvas that draws nothing
    assert figure.get_figwidth() == pytest.approx(style.WIDTH_IN)
    assert 0.5 < figure.get_figheight() < 10
    assert plt.get_fignums() == [], "a figure left open is shown twice by a notebook"
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in _words(figure)]
    assert boxes
    for (a, box), (b, other) in combinations(boxes, 2):
        assert not box.overlaps(other), f"{a!r} lies on {b!r}"
    page = figure.bbox.padded(2)
    for text, box in boxes:
        assert page.x0 <= box.x0, f"{text!r} leaves the page"
        assert box.x1 <= page.x1, f"{text!r} leaves the page"
    return figure


def _words(figure: Figure) -> list[Text]:
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        found += axes.texts
        found += [axes.title, axes._left_title, axes._right_title]
        if legend := axes.get_legend():
            found += legend.get_texts()
        if axes.axison:
            found += _of_axis(axes.xaxis) + _of_axis(axes.yaxis)
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def _of_axis(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    return [axis.label, *(t.label1 for t in ticks)]


def legend_words(owner: Figure | Axes) -> list[str]:
    """Entries of the one legend of a figure or axes."""
    legends = owner.legends if isinstance(owner, Figure) else [owner.get_legend()]
    [legend] = legends
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def ticks(axis: Axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]
