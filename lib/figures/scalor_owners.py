"""Scores of trackers whose boxes are drawn around masks, from some opacity on, and by colour."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from lib.figures.sideswipe_marks import DASHES, Interval, legend_above, line_handle, looks
from lib.figures.style import figure

BY_COLOUR = "by colour"
_GAP = 0.8  # between the last opacity and colours
_APART = 0.07  # between experiments by colour, whose intervals would cover one another


def score_by_opacity(
    scores: Mapping[str, Mapping[float, float]], by_colour: Mapping[str, Interval], label: str
) -> Figure:
    """A line an experiment over opacities, and apart from it, its score by colour.

    Raises `ValueError` for nothing to draw, or other experiments in one than in the other.
    """
    if not scores or scores.keys() != by_colour.keys():
        raise ValueError(
            f"scores are of {', '.join(scores) or 'nothing'}, by_colour of "
            f"{', '.join(by_colour) or 'nothing'}: give the same experiments, at least one"
        )
    opacities = sorted({opacity for one in scores.values() for opacity in one})
    apart = len(opacities) - 1 + _GAP
    fig, axis = figure(2.7)
    handles = []
    for number, (name, look) in enumerate(zip(scores, looks(len(scores)), strict=True)):
        known = [opacity for opacity in opacities if opacity in scores[name]]
        axis.plot(
            [opacities.index(opacity) for opacity in known],
            [scores[name][opacity] for opacity in known],
            marker=look.mark, color=look.colour, markerfacecolor=look.fill, markersize=look.size,
            linestyle=DASHES[number % len(DASHES)], linewidth=1.1,
        )  # fmt: skip
        at = apart + _APART * (number - (len(scores) - 1) / 2)
        value, low, high = by_colour[name]
        if low is not None and high is not None:
            axis.plot([at, at], [low, high], color=look.colour, linewidth=1.2)
        axis.plot(
            at, value, look.mark, color=look.colour, markerfacecolor=look.fill,
            markersize=look.size,
        )  # fmt: skip
        handles.append(line_handle(look, number, name))
    names = [f"{opacity:g}" for opacity in opacities]
    axis.set_xticks([*range(len(opacities)), apart], [*names, BY_COLOUR])
    axis.axvline((len(opacities) - 1 + apart) / 2, color="#c8ccd0", linewidth=0.8)
    axis.set_xlabel("a pixel is an object's from a mask's opacity of")
    axis.set_ylabel(label)
    legend_above(fig, handles, columns=2)
    return fig
